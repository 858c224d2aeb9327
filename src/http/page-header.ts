/** The header of each request of the dashboard. Pages of other origins cannot send it: their browsers ask first. */
export const PAGE_HEADER = 'x-minipay-dashboard'
