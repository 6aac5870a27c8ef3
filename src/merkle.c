/*
 * merkle.c
 *		The tree over the rows of a block, as in RFC 6962, leaf by leaf.
 *
 * A node is SHA-256(0x01 || left || right); a leaf comes hashed, with 0x00
 * before it, so that no node can pass for a leaf.  Kept is one node for each
 * complete subtree so far, at most 64: memory does not grow with the block.
 * The path of one leaf is gathered while its subtrees are joined.
 */
#include "ledger.h"

void
calib_merkle_start(Merkle *tree, int64 target)
{
	tree->leaves = 0;
	tree->depth = 0;
	tree->target = target;
	tree->target_at = -1;
	tree->path_length = 0;
}

/* Joins the two topmost nodes. */
static void
join(Merkle *tree)
{
	int left = tree->depth - 2;
	int right = tree->depth - 1;
	uint8 message[1 + 2 * HASH_LENGTH];

	message[0] = PREFIX_NODE;
	memcpy(message + 1, tree->node[left], HASH_LENGTH);
	memcpy(message + 1 + HASH_LENGTH, tree->node[right], HASH_LENGTH);
	if (tree->target_at == left || tree->target_at == right)
	{
		memcpy(tree->path[tree->path_length++],
		       tree->node[tree->target_at == left ? right : left],
		       HASH_LENGTH);
		tree->target_at = left;
	}
	calib_sha256(message, sizeof(message), tree->node[left]);
	tree->depth--;
}

void
calib_merkle_add(Merkle *tree, const uint8 *leaf)
{
	uint64 subtrees;

	if (tree->target >= 0 && tree->leaves == (uint64) tree->target)
		tree->target_at = tree->depth;
	memcpy(tree->node[tree->depth++], leaf, HASH_LENGTH);
	tree->leaves++;
	for (subtrees = tree->leaves; (subtrees & 1) == 0; subtrees >>= 1)
		join(tree);
}

/* Ends the tree.  A block has at least one row. */
void
calib_merkle_root(Merkle *tree, uint8 *root)
{
	while (tree->depth > 1)
		join(tree);
	if (tree->depth == 0)
		memset(root, 0, HASH_LENGTH);
	else
		memcpy(root, tree->node[0], HASH_LENGTH);
}
