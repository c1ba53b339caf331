"""The code of decoder processes: functions that turn a file on disk into plain values, one task each."""
