-- are_endpoints_used --
-- Returns a row if any tenant has an endpoint.
SELECT 1 FROM webhook_endpoints LIMIT 1

-- claim_deliveries --
-- Claims the next deliveries of one endpoint, in their order.
SELECT endpoint_id, event_seq, lease_id, url, secret, former_secret, failures, attempts, age_s, event_id, event_type, dataset_id,
       subject_id, data, occurred_at
  FROM claim_deliveries(:lease_s, :most, :most_of_tenant) ORDER BY event_seq

-- end_delivery --
-- Records an attempt at a delivery, and what follows it.
SELECT end_delivery(:endpoint_id, :event_seq, :lease_id, :sent, :verdict, :give_up_s) AS held

-- give_deliveries_back --
-- Releases deliveries that were not attempted.
UPDATE webhook_deliveries d SET lease_id = NULL, due_at = clock_timestamp()
  FROM jsonb_to_recordset(:claimed) AS c(endpoint_id uuid, event_seq bigint, lease_id uuid)
 WHERE d.endpoint_id = c.endpoint_id AND d.event_seq = c.event_seq AND d.lease_id = c.lease_id

-- forget_webhook_events --
-- Deletes some old events, with their deliveries and attempts.
SELECT forget_webhook_events(:kept_days, :limit) AS forgotten
