"""The emulator as a program: AWS on one port, by TLS, its functions run by a bare Python.

It is run by an environment of its own, where `ministack[full]` is installed and nothing of Fairway is. A function
sees what is in its package and its layers, and the standard library. `python emulator.py PYTHON`, the interpreter of
functions; the certificate is made where MINISTACK_SSL_CERT and MINISTACK_SSL_KEY say.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1"
# Calls that are allowed by another's name: AWS knows no permission of their own.
ALLOWED_AS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def main() -> None:
    # The emulator starts functions with what it takes for its own interpreter.
    sys.executable = sys.argv.pop(1)
    make_certificate(Path(os.environ["MINISTACK_SSL_CERT"]), Path(os.environ["MINISTACK_SSL_KEY"]))
    call_by_tls()
    name_permissions_as_aws_does()
    from ministack.app import main as serve

    serve()


def make_certificate(certificate: Path, key: Path) -> None:
    """A certificate for this machine's loopback address, signed by itself."""
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


def call_by_tls() -> None:
    """A service that calls another does so by TLS on AWS; here it is a call within the process, counted as plain."""
    from ministack.core.iam_evaluator import pin_request_origin
    from ministack.services import sqs

    allows = sqs.queue_policy_allows

    def allows_by_tls(*asked: Any) -> bool:
        pin_request_origin(ADDRESS, True)
        return bool(allows(*asked))

    sqs.queue_policy_allows = allows_by_tls


def name_permissions_as_aws_does() -> None:
    from ministack.core import iam_actions

    named = iam_actions.extract_iam_action

    def named_as_on_aws(*asked: Any, **more: Any) -> Any:
        action = named(*asked, **more)
        return ALLOWED_AS.get(action, action)

    iam_actions.extract_iam_action = named_as_on_aws


if __name__ == "__main__":
    main()
