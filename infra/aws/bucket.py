"""The bucket of files: private, encrypted, versioned, its news sent to the queue of arrivals."""

from __future__ import annotations

from collections.abc import Sequence

from infra.aws.inventory import PROTECTED, Resources
from infra.aws.spelling import attribute, excused, listed, policy


def _bucket_name(stage: str) -> str:
    return f"fairway-{stage}-${{AWS::AccountId}}-${{AWS::Region}}"


def bucket_arn(stage: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_bucket_name(stage)}"}


def objects(stage: str, prefixes: Sequence[str]) -> list[dict[str, str]]:
    return [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_bucket_name(stage)}/{prefix}"} for prefix in prefixes]


def resources(stage: str) -> Resources:
    kept = "Retain" if stage in PROTECTED else "Delete"
    return {
        "Files": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": ["ArrivalsQueuePolicy"],
            "DeletionPolicy": kept,
            "UpdateReplacePolicy": kept,
            "Metadata": excused(
                {
                    "CKV_AWS_18": "Every object's way stands in the ledger; access logs would be a second bucket of keys.",
                    "CKV_AWS_145": "Encrypted by S3's own key; a key of your own is a property of this resource.",
                }
            ),
            "Properties": {
                "BucketName": {"Fn::Sub": _bucket_name(stage)},
                "VersioningConfiguration": {"Status": "Enabled"},
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    ]
                },
                "PublicAccessBlockConfiguration": dict.fromkeys(
                    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
                ),
                "CorsConfiguration": {
                    "CorsRules": [
                        {
                            "AllowedOrigins": listed("AllowedOrigins"),
                            "AllowedMethods": ["GET", "HEAD", "PUT"],
                            "AllowedHeaders": ["*"],
                            "ExposedHeaders": ["ETag", "x-amz-version-id"],
                            "MaxAge": 3600,
                        }
                    ]
                },
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "abandoned-uploads",
                            "Status": "Enabled",
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
                        },
                        {
                            # Erasure deletes versions by itself; what escaped it goes in time.
                            "Id": "versions-that-were-replaced",
                            "Status": "Enabled",
                            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                            "ExpiredObjectDeleteMarker": True,
                        },
                    ]
                },
                "NotificationConfiguration": {
                    "QueueConfigurations": [
                        {
                            "Event": "s3:ObjectCreated:*",
                            "Queue": attribute("ArrivalsQueue", "Arn"),
                            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "originals/"}]}},
                        }
                    ]
                },
            },
        },
        "FilesPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Metadata": {"Wildcards": {"s3": "A denial to all, of whatever comes without TLS."}},
            "Properties": {
                "Bucket": {"Ref": "Files"},
                "PolicyDocument": policy(
                    {
                        "Sid": "OnlyByTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [bucket_arn(stage), *objects(stage, ["*"])],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ),
            },
        },
    }
