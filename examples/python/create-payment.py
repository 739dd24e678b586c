import json, os, sys, urllib.error, urllib.request

order = {
    "merchant_order_no": os.environ["ORDER_NO"],
    "amount": 1000,
    "currency": "CNY",
    "subject": "Game key",
    "notify_url": os.environ["NOTIFY_URL"],
}
request = urllib.request.Request(
    os.environ["SWITCHYARD_URL"] + "/v1/payments",
    data=json.dumps(order).encode(),
    headers={"Authorization": "Bearer " + os.environ["SWITCHYARD_KEY"], "Content-Type": "application/json"},
)
try:
    # No answer: send the same order again; one merchant_order_no is one payment.
    with urllib.request.urlopen(request, timeout=20) as answer:
        payment = json.load(answer)
except urllib.error.HTTPError as refusal:
    problem = json.load(refusal)
    sys.exit(f"{problem['code']}: {problem['detail']}")
print(f"{payment['id']}: send the buyer to {payment['checkout_url']}")
