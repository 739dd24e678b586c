# Sending it again is safe: one merchant_order_no is one payment.
curl -sS --fail-with-body --max-time 20 --retry 2 "$SWITCHYARD_URL/v1/payments" \
  -H "Authorization: Bearer $SWITCHYARD_KEY" \
  -H 'Content-Type: application/json' \
  -d "{\"merchant_order_no\":\"$ORDER_NO\",\"amount\":1000,\"currency\":\"CNY\",\"subject\":\"Game key\",\"notify_url\":\"$NOTIFY_URL\"}"
