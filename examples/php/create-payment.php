<?php
$order = [
    'merchant_order_no' => getenv('ORDER_NO'),
    'amount' => 1000,
    'currency' => 'CNY',
    'subject' => 'Game key',
    'notify_url' => getenv('NOTIFY_URL'),
];
$answer = file_get_contents(getenv('SWITCHYARD_URL') . '/v1/payments', false, stream_context_create(['http' => [
    'method' => 'POST',
    'header' => ['Authorization: Bearer ' . getenv('SWITCHYARD_KEY'), 'Content-Type: application/json'],
    'content' => json_encode($order),
    'timeout' => 20,
    'ignore_errors' => true, // a refusal says why
]]));
// No answer: send the same order again; one merchant_order_no is one payment.
if ($answer === false) exit(1);
$payment = json_decode($answer, true);
if (!isset($payment['id'])) {
    fwrite(STDERR, $payment['code'] . ': ' . $payment['detail'] . "\n");
    exit(1);
}
echo $payment['id'] . ': send the buyer to ' . $payment['checkout_url'] . "\n";
