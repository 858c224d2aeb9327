/**
 * The header of each request of the dashboard: the proof of its session, or `1` before a person has signed in. Pages of
 * other origins cannot send it: their browsers ask first. It is a secret, so MiniPay never logs it.
 */
export const PAGE_HEADER = 'x-minipay-dashboard'
