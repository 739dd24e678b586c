<?php
// Where notify_url points to. To try it: php -S 127.0.0.1:9000 verify-webhook.php
function is_genuine(string $body, string $secret): bool {
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $key = base64_decode(substr($secret, strlen('whsec_')));
    if (strlen($key) < 16) throw new Exception('WEBHOOK_SECRET protects nothing');
    if (!ctype_digit($time) || abs(time() - (int) $time) > 300) return false; // a replay, or a wrong clock
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($expected, $given)) return true;
    }
    return false;
}

$body = file_get_contents('php://input');
if (!is_genuine($body, (string) getenv('WEBHOOK_SECRET'))) {
    http_response_code(400);
    exit;
}
$event = json_decode($body, true);
// It may come twice: deliver each $event['id'] once.
echo $event['type'] === 'payment.succeeded' ? '{"fulfilment":"delivered"}' : '{}';
