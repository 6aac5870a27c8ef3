/*
 * ledger_hash.c
 *		From rows to bytes, from bytes to SHA-256: the format of
 * docs/ledger.md.
 *
 * A message is a first byte that says what it is of, a label with the
 * version, and the fields in a fixed order, each with its length before it:
 * four bytes, most significant first; 0xFFFFFFFF and nothing more is NULL.  A
 * field is text in UTF-8 that depends on no setting: numbers in decimal, times
 * as microseconds since 2000-01-01 UTC, hashes in hex, jsonb as PostgreSQL
 * writes it.  So a message is the same on every machine and release, before
 * and after a dump, and no two rows have the same one.
 */
#include "ledger.h"

#include "common/cryptohash.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/resowner.h"

#include "audit.h"

#define AUDIT_LABEL "calib.audit.1"
#define BLOCK_LABEL "calib.block.1"
#define LENGTH_OF_NULL 0xFFFFFFFF

const Field calib_audit_fields[] = {
    {"audit_id", AUDIT_ID, FIELD_INT8},
    {"transaction_id", TRANSACTION_ID, FIELD_INT8},
    {"recorded_at", RECORDED_AT, FIELD_INT8},
    {"clock_at", CLOCK_AT, FIELD_INT8},
    {"simulated", SIMULATED, FIELD_BOOL},
    {"relation", RELATION, FIELD_TEXT},
    {"action", ACTION, FIELD_TEXT},
    {"old_row", OLD_ROW, FIELD_JSONB},
    {"new_row", NEW_ROW, FIELD_JSONB},
    {"person", PERSON, FIELD_TEXT},
    {"role", ROLE, FIELD_TEXT},
    {"login", LOGIN, FIELD_TEXT},
    {"application_name", APPLICATION_NAME, FIELD_TEXT},
    {"client_addr", CLIENT_ADDR, FIELD_TEXT},
    {"era", ERA, FIELD_UUID},
};
const int calib_audit_field_count = lengthof(calib_audit_fields);

/* All but the hash itself, and the one before, which is joined on later. */
const Field calib_block_fields[] = {
    {"block", BLOCK_NUMBER, FIELD_INT8},
    {"era", BLOCK_ERA, FIELD_UUID},
    {"horizon_from", BLOCK_HORIZON_FROM, FIELD_INT8},
    {"horizon", BLOCK_HORIZON, FIELD_INT8},
    {"first_audit_id", BLOCK_FIRST_ID, FIELD_INT8},
    {"last_audit_id", BLOCK_LAST_ID, FIELD_INT8},
    {"row_count", BLOCK_ROWS, FIELD_INT8},
    {"row_total", BLOCK_ROWS_TOTAL, FIELD_INT8},
    {"root", BLOCK_ROOT, FIELD_BYTEA},
    {"list_hash", BLOCK_LIST_HASH, FIELD_BYTEA},
    {"sealed_era", BLOCK_SEALED_ERA, FIELD_UUID},
    {"next_transaction", BLOCK_NEXT_TRANSACTION, FIELD_INT8},
    {"sequence_at", BLOCK_SEQUENCE_AT, FIELD_INT8},
    {"sealed_at", BLOCK_SEALED_AT, FIELD_INT8},
    {"sealed_by", BLOCK_SEALED_BY, FIELD_TEXT},
};
const int calib_block_field_count = lengthof(calib_block_fields);

/* SHA-256 ------------------------------------------------------------------
 */

/*
 * One context serves the backend: making one costs more than hashing a row.
 * With OpenSSL, PostgreSQL ties it to a resource owner that frees it: this one
 * has an owner of its own, which is never released.  Without, it takes the
 * memory context of the moment.
 */
static pg_cryptohash_ctx *
sha256_context(void)
{
	static pg_cryptohash_ctx *context = NULL;
	static ResourceOwner owner = NULL;
	ResourceOwner caller = CurrentResourceOwner;
	MemoryContext old;

	if (context != NULL)
		return context;
	if (owner == NULL)
		owner = ResourceOwnerCreate(NULL, "calib ledger");
	CurrentResourceOwner = owner;
	old = MemoryContextSwitchTo(TopMemoryContext);
	PG_TRY();
	{
		context = pg_cryptohash_create(PG_SHA256);
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(old);
		CurrentResourceOwner = caller;
	}
	PG_END_TRY();
	if (context == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
		                errmsg("out of memory for a SHA-256 context")));
	return context;
}

void
calib_sha256(const void *data, Size length, uint8 *hash)
{
	pg_cryptohash_ctx *context = sha256_context();

	if (pg_cryptohash_init(context) < 0 ||
	    pg_cryptohash_update(context, data, length) < 0 ||
	    pg_cryptohash_final(context, hash, HASH_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256: %s",
		     pg_cryptohash_error(context));
}

/* Fields -------------------------------------------------------------------
 */

static void
put_length(StringInfo message, uint32 length)
{
	uint32 wire = pg_hton32(length);

	appendBinaryStringInfo(message, (char *) &wire, sizeof(wire));
}

/* The bytes are UTF-8 whatever the database's encoding; ASCII needs nothing.
 */
static void
put_text(StringInfo message, char *text, int length)
{
	char *utf8 = text;

	if (GetDatabaseEncoding() != PG_UTF8 &&
	    GetDatabaseEncoding() != PG_SQL_ASCII)
		utf8 = pg_server_to_any(text, length, PG_UTF8);
	if (utf8 != text)
		length = strlen(utf8);
	put_length(message, length);
	appendBinaryStringInfo(message, utf8, length);
	if (utf8 != text)
		pfree(utf8);
}

static void
put_int8(StringInfo message, int64 number)
{
	char text[MAXINT8LEN + 1];
	int length = pg_lltoa(number, text);

	put_length(message, length);
	appendBinaryStringInfo(message, text, length);
}

/* A JSON string, as escape_json writes it; most need no escape. */
static void
put_json_string(StringInfo message, const JsonbValue *value)
{
	const char *text = value->val.string.val;
	int length = value->val.string.len;
	int i;

	for (i = 0; i < length; i++)
	{
		if ((unsigned char) text[i] < ' ' || text[i] == '"' || text[i] == '\\')
		{
			escape_json(message, pnstrdup(text, length));
			return;
		}
	}
	appendStringInfoChar(message, '"');
	appendBinaryStringInfo(message, text, length);
	appendStringInfoChar(message, '"');
}

static void
put_json_scalar(StringInfo message, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			appendBinaryStringInfo(message, "null", 4);
			break;
		case jbvString:
			put_json_string(message, value);
			break;
		case jbvNumeric:
			appendStringInfoString(
			    message,
			    DatumGetCString(DirectFunctionCall1(
			        numeric_out, NumericGetDatum(value->val.numeric))));
			break;
		case jbvBool:
			if (value->val.boolean)
				appendBinaryStringInfo(message, "true", 4);
			else
				appendBinaryStringInfo(message, "false", 5);
			break;
		default:
			elog(ERROR, "unexpected jsonb value of type %d", value->type);
	}
}

/*
 * The text of a flat object, which rows nearly always are, as JsonbToCString
 * writes it, without its detours; false, and the message as it was, where
 * there is something nested.
 */
static bool
put_flat_object(StringInfo message, Jsonb *document)
{
	JsonbIterator *at;
	JsonbIteratorToken token;
	JsonbValue value;
	int start = message->len;
	bool first = true;

	if (!JB_ROOT_IS_OBJECT(document))
		return false;
	at = JsonbIteratorInit(&document->root);
	(void) JsonbIteratorNext(&at, &value, true);
	appendStringInfoChar(message, '{');
	while ((token = JsonbIteratorNext(&at, &value, true)) == WJB_KEY)
	{
		if (!first)
			appendBinaryStringInfo(message, ", ", 2);
		first = false;
		put_json_string(message, &value);
		appendBinaryStringInfo(message, ": ", 2);
		(void) JsonbIteratorNext(&at, &value, true);
		if (value.type == jbvBinary)
		{
			message->len = start;
			return false;
		}
		put_json_scalar(message, &value);
	}
	appendStringInfoChar(message, '}');
	return true;
}

/* Written in place, its length filled in afterwards. */
static void
put_jsonb(StringInfo message, Datum value)
{
	Jsonb *document = DatumGetJsonbP(value);
	int start = message->len;
	uint32 wire;

	put_length(message, 0);
	if (!put_flat_object(message, document))
		JsonbToCString(message, &document->root, VARSIZE(document));
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		int length = message->len - start - sizeof(wire);
		char *text = pnstrdup(message->data + start + sizeof(wire), length);

		message->len = start;
		put_text(message, text, length);
		pfree(text);
		return;
	}
	wire = pg_hton32(message->len - start - sizeof(wire));
	memcpy(message->data + start, &wire, sizeof(wire));
}

static char *
uuid_text(Datum value)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, value));
}

/* The era hardly ever changes: its text is kept. */
static void
put_uuid(StringInfo message, Datum value)
{
	static pg_uuid_t kept;
	static char text[37];
	pg_uuid_t *uuid = DatumGetUUIDP(value);

	if (text[0] == '\0' || memcmp(&kept, uuid, sizeof(kept)) != 0)
	{
		strlcpy(text, uuid_text(value), sizeof(text));
		kept = *uuid;
	}
	put_length(message, 36);
	appendBinaryStringInfo(message, text, 36);
}

static void
put_bytea(StringInfo message, Datum value)
{
	bytea *bytes = DatumGetByteaPP(value);
	int length = VARSIZE_ANY_EXHDR(bytes);

	put_length(message, 2 * length);
	enlargeStringInfo(message, 2 * length);
	message->len +=
	    hex_encode(VARDATA_ANY(bytes), length, message->data + message->len);
	message->data[message->len] = '\0';
}

static void
put_field(StringInfo message, FieldKind kind, Datum value)
{
	switch (kind)
	{
		case FIELD_INT8:
			put_int8(message, DatumGetInt64(value));
			break;
		case FIELD_BOOL:
			put_length(message, 1);
			appendStringInfoChar(message, DatumGetBool(value) ? 't' : 'f');
			break;
		case FIELD_TEXT:
		{
			text *string = DatumGetTextPP(value);

			put_text(message, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
			break;
		}
		case FIELD_JSONB:
			put_jsonb(message, value);
			break;
		case FIELD_UUID:
			put_uuid(message, value);
			break;
		case FIELD_BYTEA:
			put_bytea(message, value);
			break;
	}
}

/*
 * What a proof shows of a field: the text the message has, in the database's
 * encoding, for the client's is converted on its way out.
 */
char *
calib_field_text(const Field *field, Datum value)
{
	switch (field->kind)
	{
		case FIELD_INT8:
			return psprintf(INT64_FORMAT, DatumGetInt64(value));
		case FIELD_BOOL:
			return pstrdup(DatumGetBool(value) ? "t" : "f");
		case FIELD_TEXT:
			return TextDatumGetCString(value);
		case FIELD_JSONB:
		{
			Jsonb *document = DatumGetJsonbP(value);

			return JsonbToCString(NULL, &document->root, VARSIZE(document));
		}
		case FIELD_UUID:
			return uuid_text(value);
		case FIELD_BYTEA:
		{
			StringInfoData hex;

			initStringInfo(&hex);
			put_bytea(&hex, value);
			return hex.data + sizeof(uint32);
		}
	}
	return NULL;
}

static void
hash_fields(uint8 prefix, const char *label, const Field *fields, int count,
            const Datum *values, const bool *isnull, uint8 *hash)
{
	StringInfoData message;
	int i;

	initStringInfo(&message);
	appendStringInfoChar(&message, prefix);
	put_length(&message, strlen(label));
	appendStringInfoString(&message, label);
	for (i = 0; i < count; i++)
	{
		int column = fields[i].column;

		if (isnull[column])
			put_length(&message, LENGTH_OF_NULL);
		else
			put_field(&message, fields[i].kind, values[column]);
	}
	calib_sha256(message.data, message.len, hash);
	pfree(message.data);
}

/* The hash of a row of the trail, which is its leaf in the tree. */
void
calib_audit_hash(const Datum *values, const bool *isnull, uint8 *hash)
{
	hash_fields(PREFIX_LEAF, AUDIT_LABEL, calib_audit_fields,
	            calib_audit_field_count, values, isnull, hash);
}

void
calib_header_hash(const LedgerRow *block, uint8 *hash)
{
	hash_fields(PREFIX_HEADER, BLOCK_LABEL, calib_block_fields,
	            calib_block_field_count, block->values, block->isnull, hash);
}

/* Chained by the hash before and the header's own, so that a proof carries
 * one hash for each block in between and not the whole header. */
void
calib_block_hash(const uint8 *previous, const uint8 *header, uint8 *hash)
{
	uint8 message[1 + 2 * HASH_LENGTH];

	message[0] = PREFIX_BLOCK;
	memcpy(message + 1, previous, HASH_LENGTH);
	memcpy(message + 1 + HASH_LENGTH, header, HASH_LENGTH);
	calib_sha256(message, sizeof(message), hash);
}

/* Takes one row of calib.leaf into the hash of the list so far. */
void
calib_list_hash(uint8 *hash, const int64 *ids, const uint8 *hashes, int count)
{
	StringInfoData message;
	int i;

	initStringInfo(&message);
	appendStringInfoChar(&message, PREFIX_LIST);
	appendBinaryStringInfo(&message, (char *) hash, HASH_LENGTH);
	for (i = 0; i < count; i++)
	{
		uint64 wire = pg_hton64((uint64) ids[i]);

		appendBinaryStringInfo(&message, (char *) &wire, sizeof(wire));
		appendBinaryStringInfo(
		    &message, (const char *) hashes + i * HASH_LENGTH, HASH_LENGTH);
	}
	calib_sha256(message.data, message.len, hash);
	pfree(message.data);
}

/* Hashes as values ---------------------------------------------------------
 */

bool
calib_read_hash(Datum value, bool isnull, uint8 *hash)
{
	bytea *bytes;
	bool is_hash;

	memset(hash, 0, HASH_LENGTH);
	if (isnull)
		return false;
	bytes = DatumGetByteaPP(value);
	is_hash = VARSIZE_ANY_EXHDR(bytes) == HASH_LENGTH;
	if (is_hash)
		memcpy(hash, VARDATA_ANY(bytes), HASH_LENGTH);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return is_hash;
}

bool
calib_is_hash(Datum value, bool isnull, const uint8 *hash)
{
	uint8 stored[HASH_LENGTH];

	return calib_read_hash(value, isnull, stored) &&
	       memcmp(stored, hash, HASH_LENGTH) == 0;
}

/* buffer: HASH_DATUM_SIZE bytes; NULL: palloc. */
Datum
calib_hash_datum(struct varlena *buffer, const uint8 *hash)
{
	if (buffer == NULL)
		buffer = palloc(HASH_DATUM_SIZE);
	SET_VARSIZE(buffer, HASH_DATUM_SIZE);
	memcpy(VARDATA(buffer), hash, HASH_LENGTH);
	return PointerGetDatum(buffer);
}

char *
calib_hex(const uint8 *hash)
{
	char *hex = palloc(2 * HASH_LENGTH + 1);

	hex[hex_encode((const char *) hash, HASH_LENGTH, hex)] = '\0';
	return hex;
}
