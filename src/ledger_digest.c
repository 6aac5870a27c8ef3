/*
 * ledger_digest.c
 *		Reading a digest somebody kept outside.
 *
 * Only block and hash are compared with anything: the hash covers the rest,
 * which stands there for people.
 */
#include "ledger.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#define DIGEST_FORMAT "calib.digest.1"

pg_noreturn static void refuse(const char *detail);

static void
refuse(const char *detail)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("this is not a digest of calib"), errdetail("%s", detail),
	         errhint("Give what calib.digest() returned.")));
}

static bool
is_text(const JsonbValue *value, const char *text)
{
	return value != NULL && value->type == jbvString &&
	       value->val.string.len == (int) strlen(text) &&
	       memcmp(value->val.string.val, text, strlen(text)) == 0;
}

static int64
read_block(const JsonbValue *value)
{
	char *text;
	char *end;
	int64 block;

	if (value == NULL || value->type != jbvNumeric)
		refuse("Its \"block\" is not a number.");
	text = DatumGetCString(
	    DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	errno = 0;
	block = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || block < 0)
		refuse("Its \"block\" is not the number of a block.");
	return block;
}

static void
read_hash(const JsonbValue *value, uint8 *hash)
{
	int i;

	if (value == NULL || value->type != jbvString ||
	    value->val.string.len != 2 * HASH_LENGTH)
		refuse("Its \"hash\" is not 64 hexadecimal digits.");
	for (i = 0; i < 2 * HASH_LENGTH; i++)
		if (!isxdigit((unsigned char) value->val.string.val[i]))
			refuse("Its \"hash\" is not 64 hexadecimal digits.");
	hex_decode(value->val.string.val, 2 * HASH_LENGTH, (char *) hash);
}

static bool
is_zero(const uint8 *hash)
{
	static const uint8 zeros[HASH_LENGTH];

	return memcmp(hash, zeros, HASH_LENGTH) == 0;
}

void
calib_read_digest(Jsonb *document, Digest *digest)
{
	JsonbContainer *root = &document->root;
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(document))
		refuse("It is no JSON object.");
	if (!is_text(getKeyJsonValueFromContainer(root, "format", 6, &value),
	             DIGEST_FORMAT))
		refuse("Its \"format\" is not " DIGEST_FORMAT ".");
	digest->block =
	    read_block(getKeyJsonValueFromContainer(root, "block", 5, &value));
	read_hash(getKeyJsonValueFromContainer(root, "hash", 4, &value),
	          digest->hash);
	if (digest->block == 0 && !is_zero(digest->hash))
		refuse("Its \"block\" is 0, and its \"hash\" is not all zeros.");
	digest->is_met = false;
}
