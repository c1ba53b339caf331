"""The web page on AWS: its own private bucket, which only CloudFront reads; CloudFront adds headers that pages can't state."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.aws.expressions import attribute, policy, skip_checks
from infra.aws.inventory import Resources
from infra.web import CHECKED, KEPT, WEB, WebPage
from infra.web_modules import INSTALLED, MODULES

FOLDER = "page"  # in a package
INDEX = "index.html"
# AWS's own policy: it caches by the address alone, for as long as the object's Cache-Control says.
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
DISTRIBUTION_ARN = {"Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Page}"}
OUTPUTS = {
    "PageBucket": {"Value": {"Ref": "PageFiles"}},
    "PageUrl": {"Value": {"Fn::Sub": "https://${Page.DomainName}"}},
}


def resources(stage: str) -> Resources:
    name = f"fairway-{stage}-page-${{AWS::AccountId}}-${{AWS::Region}}"
    arn = f"arn:${{AWS::Partition}}:s3:::{name}"
    return {
        "PageFiles": {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Metadata": skip_checks(
                {
                    "CKV_AWS_18": "It contains only files that anyone may read; CloudFront counts requests.",
                    "CKV_AWS_21": "Names contain a digest of the content, so that nothing is replaced but the page itself.",
                }
            ),
            "Properties": {
                "BucketName": {"Fn::Sub": name},
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
                "PublicAccessBlockConfiguration": dict.fromkeys(
                    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
                ),
            },
        },
        "PageFilesPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Metadata": {"Wildcards": {"s3": "It denies every request that does not use TLS."}},
            "Properties": {"Bucket": {"Ref": "PageFiles"}, "PolicyDocument": policy(*_statements(arn))},
        },
        "PageAccess": {
            "Type": "AWS::CloudFront::OriginAccessControl",
            "Properties": {
                "OriginAccessControlConfig": {
                    "Name": {"Fn::Sub": f"fairway-{stage}-page-${{AWS::Region}}"},
                    "OriginAccessControlOriginType": "s3",
                    "SigningBehavior": "always",
                    "SigningProtocol": "sigv4",
                }
            },
        },
        "PageHeaders": {
            "Type": "AWS::CloudFront::ResponseHeadersPolicy",
            "Properties": {"ResponseHeadersPolicyConfig": _headers(stage)},
        },
        "Page": {
            "Type": "AWS::CloudFront::Distribution",
            "Metadata": skip_checks(
                {
                    "CKV_AWS_68": "It serves the same public files to everyone; the API has its own limits.",
                    "CKV_AWS_86": "It serves the same public files to everyone; the API logs requests.",
                    "CKV_AWS_174": "With CloudFront's own certificate the TLS version can't be set; use your own domain.",
                }
            ),
            "Properties": {"DistributionConfig": _distribution(stage)},
        },
    }


def _statements(arn: str) -> list[dict[str, Any]]:
    return [
        {
            "Sid": "OnlyCloudFront",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": {"Fn::Sub": f"{arn}/*"},
            "Condition": {"StringEquals": {"AWS:SourceArn": DISTRIBUTION_ARN}},
        },
        {
            "Sid": "OnlyByTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [{"Fn::Sub": arn}, {"Fn::Sub": f"{arn}/*"}],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]


def _headers(stage: str) -> dict[str, Any]:
    """Headers of every response. The rest of the policy is in the page: it names a digest that changes with each version."""
    own = {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    return {
        "Name": {"Fn::Sub": f"fairway-{stage}-page-${{AWS::Region}}"},
        "CustomHeadersConfig": {
            "Items": [{"Header": name, "Value": value, "Override": True} for name, value in own.items()]
        },
        "SecurityHeadersConfig": {
            "ContentSecurityPolicy": {"ContentSecurityPolicy": "frame-ancestors 'none'", "Override": True},
            "ContentTypeOptions": {"Override": True},
            "FrameOptions": {"FrameOption": "DENY", "Override": True},
            "ReferrerPolicy": {"ReferrerPolicy": "no-referrer", "Override": True},
            "StrictTransportSecurity": {"AccessControlMaxAgeSec": 31536000, "Override": True},
        },
    }


def _distribution(stage: str) -> dict[str, Any]:
    return {
        "Comment": f"Fairway ({stage}): the web page",
        "Enabled": True,
        "DefaultRootObject": INDEX,
        "HttpVersion": "http2and3",
        "IPV6Enabled": True,
        "ViewerCertificate": {"CloudFrontDefaultCertificate": True},
        "Origins": [
            {
                "Id": "page",
                "DomainName": attribute("PageFiles", "RegionalDomainName"),
                "OriginAccessControlId": {"Ref": "PageAccess"},
                "S3OriginConfig": {"OriginAccessIdentity": ""},
            }
        ],
        "DefaultCacheBehavior": {
            "TargetOriginId": "page",
            "ViewerProtocolPolicy": "redirect-to-https",
            "CachePolicyId": CACHING_OPTIMIZED,
            "ResponseHeadersPolicyId": {"Ref": "PageHeaders"},
            "Compress": True,
        },
    }


def pack(folder: Path) -> bool:
    """Copy the page's sources and libraries into a package. Returns False if the libraries are not installed."""
    if not all((INSTALLED / name).is_file() for name in MODULES):
        return False
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    for part in ("src", "styles", "catalogs"):
        shutil.copytree(WEB / part, folder / FOLDER / "web" / part)
    shutil.copy(WEB / INDEX, folder / FOLDER / "web" / INDEX)
    shutil.copytree(INSTALLED, folder / FOLDER / "modules")
    return True


def publish(s3: Any, folder: Path, bucket: str, api_url: str, store_origins: set[str]) -> None:
    """Upload a package's page for this API. The page itself comes last, when everything that it names is there."""
    page = WebPage(folder / FOLDER / "web", folder / FOLDER / "modules", lambda: store_origins)
    for name, (media_type, body) in ordered(page.files_of_a_host(api_url)):
        cache = CHECKED if name == INDEX else KEPT
        s3.put_object(Bucket=bucket, Key=name, Body=body, ContentType=media_type, CacheControl=cache)


def ordered(files: Mapping[str, tuple[str, bytes]]) -> list[tuple[str, tuple[str, bytes]]]:
    return sorted(files.items(), key=lambda file: file[0] == INDEX)
