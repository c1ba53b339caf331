"""The emulator of AWS as a program, on one port with TLS: `python emulator.py PYTHON`.

It runs in a virtual environment with `ministack[full]` and without Fairway. It runs functions with the interpreter
PYTHON, which sees the function's package, its layers and the standard library only. The certificate is written to
MINISTACK_SSL_CERT and MINISTACK_SSL_KEY.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1"
# API calls that have no permission of their own on AWS, with the permission that allows them.
ALLOWED_AS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def main() -> None:
    # The emulator runs functions with sys.executable.
    sys.executable = sys.argv.pop(1)
    write_certificate(Path(os.environ["MINISTACK_SSL_CERT"]), Path(os.environ["MINISTACK_SSL_KEY"]))
    count_internal_calls_as_tls()
    use_permission_names_of_aws()
    from ministack.app import main as serve

    serve()


def write_certificate(certificate: Path, key: Path) -> None:
    """Write a self-signed certificate for the loopback address."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rehearsal")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), critical=False)
        .sign(private, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(private.private_bytes(encoding, plain, serialization.NoEncryption()))
    unfinished = certificate.with_suffix(".new")
    unfinished.write_bytes(signed.public_bytes(encoding))
    unfinished.replace(certificate)


def count_internal_calls_as_tls() -> None:
    """Make the emulator treat calls between its services as TLS, as on AWS; it takes them for plain HTTP."""
    from ministack.core.iam_evaluator import pin_request_origin
    from ministack.services import sqs

    allows = sqs.queue_policy_allows

    def allows_with_tls(*arguments: Any) -> bool:
        pin_request_origin(ADDRESS, True)
        return bool(allows(*arguments))

    sqs.queue_policy_allows = allows_with_tls


def use_permission_names_of_aws() -> None:
    from ministack.core import iam_actions

    extract = iam_actions.extract_iam_action

    def extract_as_on_aws(*arguments: Any, **options: Any) -> Any:
        action = extract(*arguments, **options)
        return ALLOWED_AS.get(action, action)

    iam_actions.extract_iam_action = extract_as_on_aws


if __name__ == "__main__":
    main()
