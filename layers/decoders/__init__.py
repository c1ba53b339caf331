"""What runs inside a decoder process: functions from a file on disk to plain values, one task each."""
