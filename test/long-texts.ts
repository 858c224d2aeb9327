import { ANSWER_BODY, DESCRIPTION, EVENT_DATA, METADATA } from '../src/storage/sqlite/long-texts.ts'

/** Puts long texts back into their rows, where those of an earlier version are, and where PostgreSQL has all of them. */
export const WITHOUT_LONG_TEXTS = `
  UPDATE charges SET description = ${DESCRIPTION}, metadata = ${METADATA}, details_id = NULL WHERE details_id IS NOT NULL;
  UPDATE refunds SET description = ${DESCRIPTION}, metadata = ${METADATA}, details_id = NULL WHERE details_id IS NOT NULL;
  UPDATE events AS e SET data = ${EVENT_DATA}, details_id = NULL, rest_id = NULL;
  UPDATE idempotency_keys AS k SET answer_body = ${ANSWER_BODY}, details_id = NULL;
  DELETE FROM long_texts;`
