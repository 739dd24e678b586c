# For a look by hand; what answers webhooks should compare in constant time. $BODY is the body as it arrived.
KEY=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
EXPECTED=v1,$(printf '%s.%s.%s' "$WEBHOOK_ID" "$WEBHOOK_TIMESTAMP" "$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | openssl base64 -A)
AGE=$(($(date +%s) - WEBHOOK_TIMESTAMP))
case " $WEBHOOK_SIGNATURE " in
  *" $EXPECTED "*) [ "${#KEY}" -ge 32 ] && [ "${AGE#-}" -le 300 ] && echo genuine ;;
  *) echo forged ;;
esac
