"""The bucket of files: private, encrypted and versioned; its events go to the arrivals queue."""

from __future__ import annotations

from collections.abc import Sequence

from infra.aws.expressions import attribute, comma_list, policy, skip_checks
from infra.aws.inventory import PROTECTED, Resources


def _bucket_name(stage: str) -> str:
    return f"fairway-{stage}-${{AWS::AccountId}}-${{AWS::Region}}"


def bucket_arn(stage: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_bucket_name(stage)}"}


def objects(stage: str, prefixes: Sequence[str]) -> list[dict[str, str]]:
    return [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{_bucket_name(stage)}/{prefix}"} for prefix in prefixes]


def resources(stage: str) -> Resources:
    deletion_policy = "Retain" if stage in PROTECTED else "Delete"
    return {
        "Files": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": ["ArrivalsQueuePolicy"],
            "DeletionPolicy": deletion_policy,
            "UpdateReplacePolicy": deletion_policy,
            "Metadata": skip_checks(
                {
                    "CKV_AWS_18": "The ledger records what happens to each object; access logs would need a second bucket.",
                    "CKV_AWS_145": "Encrypted with S3's own key; to use your own key, set it on this resource.",
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
                            "AllowedOrigins": comma_list("AllowedOrigins"),
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
                            # Erasure deletes all versions; this deletes the ones that it missed.
                            "Id": "replaced-versions",
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
            "Metadata": {"Wildcards": {"s3": "It denies every request that does not use TLS."}},
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
