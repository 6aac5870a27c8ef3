-- The ledger: what is hashed, sealed, verified and proved, held against plain
-- SQL that knows the format of docs/ledger.md only.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE FUNCTION own.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- The format, in SQL -----------------------------------------------------------
CREATE FUNCTION own.field(t text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(int4send(octet_length(convert_to(t, 'UTF8'))) || convert_to(t, 'UTF8'), '\xffffffff')
$$;
CREATE FUNCTION own.micros(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(epoch FROM t - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint::text
$$;
CREATE FUNCTION own.row_hash(a calib.audit) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || own.field('calib.audit.1') || own.field(a.audit_id::text) || own.field(a.transaction_id::text)
        || own.field(own.micros(a.recorded_at)) || own.field(own.micros(a.clock_at))
        || own.field(CASE WHEN a.simulated THEN 't' WHEN NOT a.simulated THEN 'f' END)
        || own.field(a.relation) || own.field(a.action) || own.field(a.old_row::text) || own.field(a.new_row::text)
        || own.field(a.person) || own.field(a.role) || own.field(a.login) || own.field(a.application_name)
        || own.field(a.client_addr) || own.field(a.era::text))
$$;
-- RFC 6962, 2.1, as it stands there: split at the largest power of two below n
CREATE FUNCTION own.root(leaves bytea[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    n int := cardinality(leaves);
    k int := 1;
BEGIN
    IF n = 1 THEN
        RETURN leaves[1];
    END IF;
    WHILE k * 2 < n LOOP
        k := k * 2;
    END LOOP;
    RETURN sha256('\x01'::bytea || own.root(leaves[1:k]) || own.root(leaves[k + 1:n]));
END $$;
CREATE FUNCTION own.list_hash(ids bigint[], hashes bytea[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    hash bytea := decode(repeat('00', 32), 'hex');
    part bytea;
BEGIN
    FOR start IN 1 .. cardinality(ids) BY 1024 LOOP
        SELECT string_agg(int8send(i) || h, ''::bytea ORDER BY n) INTO part
        FROM unnest(ids[start:start + 1023], hashes[start:start + 1023]) WITH ORDINALITY AS u (i, h, n);
        hash := sha256('\x04'::bytea || hash || part);
    END LOOP;
    RETURN hash;
END $$;
CREATE FUNCTION own.block_hash(b calib.block) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x02'::bytea || b.previous || sha256('\x03'::bytea || own.field('calib.block.1') || own.field(b.block::text)
        || own.field(b.era::text) || own.field(b.horizon_from::text) || own.field(b.horizon::text)
        || own.field(b.first_audit_id::text) || own.field(b.last_audit_id::text) || own.field(b.row_count::text)
        || own.field(b.row_total::text) || own.field(encode(b.root, 'hex')) || own.field(encode(b.list_hash, 'hex'))
        || own.field(b.sealed_era::text) || own.field(b.next_transaction::text) || own.field(b.sequence_at::text)
        || own.field(own.micros(b.sealed_at)) || own.field(b.sealed_by)))
$$;
-- What a block must be, from the rows of the trail alone
CREATE VIEW own.expected AS
SELECT b.block, count(*) AS row_count, min(a.audit_id) AS first_audit_id, max(a.audit_id) AS last_audit_id,
       own.root(array_agg(a.row_hash ORDER BY a.audit_id)) AS root,
       own.list_hash(array_agg(a.audit_id ORDER BY a.audit_id), array_agg(a.row_hash ORDER BY a.audit_id)) AS list_hash
FROM calib.block b JOIN calib.audit a ON a.era = b.era AND a.transaction_id >= b.horizon_from AND a.transaction_id < b.horizon
GROUP BY b.block;
CREATE VIEW own.sound AS
SELECT b.block, b.row_count, b.row_count = e.row_count AND b.first_audit_id = e.first_audit_id AND b.last_audit_id = e.last_audit_id
       AND b.root = e.root AND b.list_hash = e.list_hash AND b.hash = own.block_hash(b)
       AND b.row_total = sum(b.row_count) OVER (ORDER BY b.block)
       AND b.previous = coalesce(lag(b.hash) OVER (ORDER BY b.block), decode(repeat('00', 32), 'hex')) AS as_documented
FROM calib.block b JOIN own.expected e USING (block);

-- A row carries its hash -------------------------------------------------------------
SELECT count(*) > 70 AS rows, bool_and(row_hash = own.row_hash(a)) AS as_documented FROM calib.audit a;
SELECT count(DISTINCT era) AS eras, bool_and(era = (SELECT era FROM calib.era)) AS of_this_database FROM calib.audit;
-- what differs between sessions, and between NULL and empty
SET application_name = '';
SET TimeZone = 'America/New_York';
SET DateStyle = 'German';
SET extra_float_digits = 0;
INSERT INTO calib.holiday (day, name) VALUES ('2028-01-01', '元旦 "quoted" \ back');
SET application_name = 'other';
SET calib.clock = '1999-12-31 23:59:59.999999+00';
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'top');
RESET calib.clock;
UPDATE calib.holiday SET name = '' WHERE day = '2028-01-01';
UPDATE calib.holiday SET name = E'tab\t, line\n, bell \x07, 换行' WHERE day = '2028-01-01';
-- nested: an array in the row
INSERT INTO calib.policy (valid_from, approval, shallow_stages) VALUES (calib.today(), 'none', '{a,"b \"c\"",NULL}');
DELETE FROM calib.holiday WHERE day = '2028-01-01';
RESET TimeZone;
RESET DateStyle;
RESET extra_float_digits;
RESET application_name;
SELECT action, old_row IS NULL AS no_old, new_row IS NULL AS no_new, application_name = '' AS empty, clock_at < '2000-01-01' AS before_2000,
       row_hash = own.row_hash(a) AS as_documented
FROM calib.audit a ORDER BY audit_id DESC LIMIT 6;
-- another index or column on the trail: stored by the executor, the same hash
BEGIN;
CREATE INDEX own_more ON calib.audit (person);
INSERT INTO calib.holiday (day, name) VALUES ('2028-01-02', 'x');
ALTER TABLE calib.audit ADD COLUMN more text;
UPDATE calib.holiday SET name = 'y' WHERE day = '2028-01-02';
SELECT action, row_hash = own.row_hash(a) AS as_documented, more IS NULL AS nothing_more FROM calib.audit a ORDER BY audit_id DESC LIMIT 2;
-- what it may not hold refuses the change: 23514, 23502, and KC010 where a value would be read as another type's
ALTER TABLE calib.audit ADD CONSTRAINT own_check CHECK (relation <> 'calib.holiday') NOT VALID;
SELECT own.try($$INSERT INTO calib.holiday (day, name) VALUES ('2028-01-03', 'x')$$);
ALTER TABLE calib.audit DROP CONSTRAINT own_check, DROP COLUMN more, ADD COLUMN needed int NOT NULL DEFAULT 1;
SELECT own.try($$INSERT INTO calib.holiday (day, name) VALUES ('2028-01-03', 'x')$$);
ALTER TABLE calib.audit DROP COLUMN needed, ALTER simulated TYPE text;
SELECT own.try($$INSERT INTO calib.holiday (day, name) VALUES ('2028-01-03', 'x')$$);
ROLLBACK;

-- seal ---------------------------------------------------------------------------------
SELECT calib.digest() - 'era' - 'digest_at' - 'database' AS nothing_sealed_yet, calib.digest() ->> 'database' = current_database() AS here;
SELECT * FROM calib.verify();
SELECT unsealed_rows > 70 AS some, oldest_audit_id, sealed_at IS NULL AS never FROM calib.unsealed;
SELECT calib.seal();
SELECT calib.seal() IS NULL AS nothing_left;
SELECT * FROM own.sound ORDER BY block;
SELECT unsealed_rows, oldest_audit_id, oldest_at, sealed_at <= clock_timestamp() AS sealed FROM calib.unsealed;
-- the own transaction's rows wait for the next one; what was rolled back is nowhere
BEGIN;
INSERT INTO calib.holiday (day, name) VALUES ('2028-02-01', 'before');
SAVEPOINT s;
INSERT INTO calib.holiday (day, name) VALUES ('2028-02-02', 'rolled back');
ROLLBACK TO s;
SAVEPOINT s;
INSERT INTO calib.holiday (day, name) VALUES ('2028-02-03', 'in a subtransaction');
RELEASE s;
SELECT calib.seal() IS NULL AS own_rows_wait;
COMMIT;
SELECT calib.seal();
SELECT * FROM own.sound ORDER BY block;
SELECT new_row ->> 'name' AS name FROM calib.audit a JOIN calib.leaf l ON a.audit_id = ANY (l.audit_ids) WHERE l.block = 2 ORDER BY audit_id;
-- more than one row of leaves: 1024 to a row
INSERT INTO calib.absence (unit_id, during) SELECT 1, daterange(d, d + 1) FROM generate_series(date '2030-01-01', date '2030-01-01' + 2499, interval '1 day') g, LATERAL (SELECT g::date) AS x (d);
SELECT calib.seal();
SELECT position, cardinality(audit_ids) AS ids, length(hashes) / 32 AS hashes FROM calib.leaf WHERE block = 3 ORDER BY position;
SELECT * FROM own.sound ORDER BY block;
SELECT * FROM calib.verify();
SELECT count(*) = (SELECT count(*) FROM calib.audit) AND count(*) = count(DISTINCT id) AS each_row_in_one_block
FROM calib.leaf, unnest(audit_ids) id;

-- not at another isolation level, not read-only, not by anybody
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT own.try('SELECT calib.seal()');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT own.try('SELECT calib.seal()');
ROLLBACK;
BEGIN READ ONLY;
SELECT own.try('SELECT calib.seal()');
SELECT bool_and(ok) AS but_verify FROM calib.verify();
ROLLBACK;
CREATE ROLE regress_ledger_clerk;
CREATE ROLE regress_ledger_admin;
INSERT INTO calib.duty (role_name, duty) VALUES ('regress_ledger_admin', 'admin');
INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('regress_ledger_clerk', 'admin', 1);
SET ROLE regress_ledger_clerk;
SELECT own.try('SELECT calib.seal()');
SELECT bool_and(ok) AS may_verify FROM calib.verify(calib.digest());
SELECT own.try('SELECT calib.prove(1)');
SELECT own.try('INSERT INTO calib.block SELECT * FROM calib.block');
-- a proof shows every column: it takes the right to read every one
RESET ROLE;
REVOKE SELECT ON calib.audit FROM PUBLIC;
GRANT SELECT (audit_id, relation) ON calib.audit TO regress_ledger_admin;
SET ROLE regress_ledger_admin;
SELECT own.try('SELECT calib.prove(1)');
RESET ROLE;
GRANT SELECT ON calib.audit TO PUBLIC;
SET ROLE regress_ledger_admin;
SELECT calib.seal();
RESET ROLE;
SELECT sealed_by = session_user AS by_the_login FROM calib.block WHERE block = 4;
SELECT t, own.try(format('DELETE FROM calib.%I', t)) FROM unnest(ARRAY['block', 'leaf', 'era']) t;
SELECT t, own.try(format('TRUNCATE calib.%I', t)) FROM unnest(ARRAY['block', 'leaf', 'era']) t;
SELECT own.try('UPDATE calib.block SET hash = hash');
SELECT own.try('INSERT INTO calib.leaf SELECT 5, position, audit_ids, hashes FROM calib.leaf');
SELECT own.try('INSERT INTO calib.era VALUES (gen_random_uuid())');

-- prove ----------------------------------------------------------------------------------
CREATE TABLE own.digest AS SELECT calib.digest() AS digest;
SELECT own.try('SELECT calib.prove(-1)');
SELECT own.try('SELECT calib.prove(1, 0)');
SELECT own.try('SELECT calib.prove(1, 99)');
SELECT calib.prove(NULL) IS NULL AS nothing;
SELECT max(audit_id) AS last FROM calib.audit \gset
SELECT own.try(format('SELECT calib.prove(%s, 3)', :last)) = format('22023 row %s was sealed after block 3', :last) AS refused;
INSERT INTO calib.holiday (day, name) VALUES ('2028-03-01', 'not sealed yet');
SELECT own.try(format('SELECT calib.prove(%s)', max(audit_id))) ~ '22023 row \d+ is not sealed yet' AS refused FROM calib.audit;
-- a proof in SQL: the row's fields, path and chain lead to the digest's hash
CREATE FUNCTION own.follows(proof jsonb, digest jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    r jsonb := proof -> 'row';
    hash bytea;
    node bytea;
    fn bigint := (proof ->> 'position')::bigint;
    sn bigint := (proof ->> 'rows')::bigint - 1;
    header bytea := own.field('calib.block.1');
    name text;
BEGIN
    hash := '\x00'::bytea || own.field('calib.audit.1');
    FOREACH name IN ARRAY '{audit_id,transaction_id,recorded_at,clock_at,simulated,relation,action,old_row,new_row,person,role,login,application_name,client_addr,era}'::text[] LOOP
        hash := hash || own.field(r ->> name);
    END LOOP;
    hash := sha256(hash);
    FOR name IN SELECT p FROM jsonb_array_elements_text(proof -> 'path') WITH ORDINALITY AS u (p, n) ORDER BY n LOOP
        node := decode(name, 'hex');
        IF fn % 2 = 1 OR fn = sn THEN
            hash := sha256('\x01'::bytea || node || hash);
            WHILE fn % 2 = 0 AND fn <> 0 LOOP
                fn := fn / 2;
                sn := sn / 2;
            END LOOP;
        ELSE
            hash := sha256('\x01'::bytea || hash || node);
        END IF;
        fn := fn / 2;
        sn := sn / 2;
    END LOOP;
    IF sn <> 0 OR encode(hash, 'hex') <> proof #>> '{block,root}' THEN
        RETURN false;
    END IF;
    FOREACH name IN ARRAY '{block,era,horizon_from,horizon,first_audit_id,last_audit_id,row_count,row_total,root,list_hash,sealed_era,next_transaction,sequence_at,sealed_at,sealed_by}'::text[] LOOP
        header := header || own.field(proof -> 'block' ->> name);
    END LOOP;
    hash := sha256('\x02'::bytea || decode(proof ->> 'previous', 'hex') || sha256('\x03'::bytea || header));
    FOR name IN SELECT p FROM jsonb_array_elements_text(proof -> 'chain') WITH ORDINALITY AS u (p, n) ORDER BY n LOOP
        hash := sha256('\x02'::bytea || hash || decode(name, 'hex'));
    END LOOP;
    RETURN encode(hash, 'hex') = digest ->> 'hash'
        AND (proof #>> '{block,block}')::bigint + jsonb_array_length(proof -> 'chain') = (digest ->> 'block')::bigint;
END $$;
SELECT count(*), bool_and(own.follows(calib.prove(audit_id), digest)) AS proved
FROM own.digest, calib.audit WHERE audit_id IN (SELECT audit_ids[i] FROM calib.leaf, unnest(ARRAY[1, 2, 3, 57, 451, 452]) i);
SELECT bool_or(own.follows(calib.prove(1), jsonb_set(digest, '{hash}', '"00"'))) AS proved_by_another FROM own.digest;
SELECT own.follows(calib.prove(1, 1), jsonb_build_object('block', 1, 'hash', encode(hash, 'hex'))) AS up_to_1 FROM calib.block WHERE block = 1;

-- Digests ------------------------------------------------------------------------------
SELECT bool_and(ok) AS same FROM own.digest, calib.verify(digest);
SELECT d, own.try(format('SELECT * FROM calib.verify(%L)', d)) FROM unnest(ARRAY['[]', '1', '"x"', 'null', '{}', '{"format": "calib.digest.2", "block": 1, "hash": ""}',
    '{"format": "calib.digest.1", "hash": "00"}', '{"format": "calib.digest.1", "block": "1", "hash": "00"}', '{"format": "calib.digest.1", "block": 1.5, "hash": "00"}',
    '{"format": "calib.digest.1", "block": -1, "hash": "00"}', '{"format": "calib.digest.1", "block": 1e30, "hash": "00"}',
    '{"format": "calib.digest.1", "block": 1}', '{"format": "calib.digest.1", "block": 1, "hash": 0}', '{"format": "calib.digest.1", "block": 1, "hash": "00"}']) d;
SELECT own.try(format('SELECT * FROM calib.verify(%L)', jsonb_set(digest, '{hash}', to_jsonb(repeat('g', 64))))) FROM own.digest;
SELECT own.try(format('SELECT * FROM calib.verify(%L)', jsonb_set(digest, '{block}', '0'))) FROM own.digest;
SELECT v.block, v.problem FROM own.digest, calib.verify(jsonb_set(digest, '{hash}', to_jsonb(repeat('0', 64)))) v WHERE NOT v.ok;
SELECT v.block, v.problem FROM own.digest, calib.verify(jsonb_set(digest, '{block}', '9')) v WHERE NOT v.ok;
SELECT bool_and(ok) AS before_all FROM calib.verify('{"format": "calib.digest.1", "block": 0, "hash": "0000000000000000000000000000000000000000000000000000000000000000"}');

-- Tampering, as a superuser who has taken the triggers off --------------------------------
ALTER TABLE calib.audit DISABLE TRIGGER USER;
ALTER TABLE calib.block DISABLE TRIGGER USER;
ALTER TABLE calib.leaf DISABLE TRIGGER USER;
CREATE FUNCTION own.tamper(statement text, digest jsonb DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    found text[];
BEGIN
    EXECUTE statement;
    SELECT array_agg(coalesce(v.block::text, '-') || ': ' || v.problem) INTO found
    FROM (SELECT * FROM calib.verify(digest) WHERE NOT ok LIMIT 4) v;
    RAISE EXCEPTION USING ERRCODE = 'TAMPR', MESSAGE = 'undo';
EXCEPTION WHEN SQLSTATE 'TAMPR' THEN
    RETURN QUERY SELECT unnest(found);
    IF found IS NULL THEN
        RETURN NEXT 'green';
    END IF;
END $$;
SELECT own.tamper('SELECT');
SELECT own.tamper('UPDATE calib.audit SET person = person || '' '' WHERE audit_id = 5');
-- NULL over a socket, an address over TCP
SELECT own.tamper('UPDATE calib.audit SET client_addr = CASE WHEN client_addr IS NULL THEN '''' END WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET new_row = new_row || ''{"x": 1}'' WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET recorded_at = recorded_at + interval ''1 microsecond'' WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET transaction_id = transaction_id + 1000000 WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET era = gen_random_uuid() WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET row_hash = set_byte(row_hash, 0, 255 - get_byte(row_hash, 0)) WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET row_hash = '''' WHERE audit_id = 5');
SELECT own.tamper('ALTER TABLE calib.audit ALTER person DROP NOT NULL; UPDATE calib.audit SET person = NULL WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET person = ''x'' WHERE audit_id = 5; UPDATE calib.audit a SET row_hash = own.row_hash(a) WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET clock_at = ''infinity'' WHERE audit_id = 5');
SELECT own.tamper('DELETE FROM calib.audit WHERE audit_id IN (1, 5)');
SELECT own.tamper('UPDATE calib.audit SET audit_id = -5 WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit SET audit_id = 100000 WHERE audit_id = 5');
SELECT own.tamper('UPDATE calib.audit a SET audit_id = CASE audit_id WHEN 5 THEN -6 ELSE -5 END WHERE audit_id IN (5, 6); UPDATE calib.audit SET audit_id = -audit_id WHERE audit_id < 0');
-- forged rows: in a gap of its block's ids, behind them, before them; of the last and of an unknown era
CREATE FUNCTION own.forge(id bigint, copy_of bigint, transaction_id bigint DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO calib.audit SELECT id, coalesce(forge.transaction_id, a.transaction_id), a.recorded_at, a.clock_at, a.simulated, a.relation, a.action,
        a.old_row, a.new_row, a.person, a.role, a.login, a.application_name, a.client_addr, a.era, a.row_hash FROM calib.audit a WHERE a.audit_id = copy_of;
    UPDATE calib.audit a SET row_hash = own.row_hash(a) WHERE a.audit_id = id;
END $$;
SELECT own.tamper('SELECT own.forge(-1, 5)');
SELECT own.tamper('SELECT own.forge(100000, 5)');
SELECT own.tamper('SELECT own.forge(100000, 5, 1)');
SELECT min(g) AS gap FROM generate_series((SELECT first_audit_id FROM calib.block WHERE block = 2), (SELECT last_audit_id FROM calib.block WHERE block = 2)) g
WHERE NOT EXISTS (SELECT FROM calib.audit WHERE audit_id = g) \gset
SELECT own.tamper(format('SELECT own.forge(%s, (SELECT first_audit_id FROM calib.block WHERE block = 2))', :gap)) = format('2: row %s was inserted', :gap) AS in_the_gap;
SELECT own.tamper('DELETE FROM calib.audit WHERE audit_id = 5; SELECT own.forge(100000, 6)');
-- what is in no block yet
SELECT max(audit_id) AS open FROM calib.audit \gset
SELECT own.tamper(format('UPDATE calib.audit SET action = ''UPDATE'' WHERE audit_id = %s', :open)) = format('-: row %s, in no block yet, was changed', :open) AS open_changed;
-- blocks and lists
SELECT own.tamper('UPDATE calib.block SET sealed_by = ''x'' WHERE block = 2');
SELECT own.tamper('UPDATE calib.block SET row_count = row_count + 1 WHERE block = 2');
SELECT own.tamper('UPDATE calib.block SET root = hash WHERE block = 2');
SELECT own.tamper('UPDATE calib.block SET horizon = horizon + 1 WHERE block = 2');
SELECT own.tamper('UPDATE calib.block SET first_audit_id = 1000 WHERE block = 1');
SELECT own.tamper('UPDATE calib.block SET hash = root WHERE block = 2');
SELECT own.tamper('UPDATE calib.block SET previous = hash WHERE block = 2');
SELECT own.tamper('UPDATE calib.block SET sealed_by = ''x'' WHERE block = 2; UPDATE calib.block b SET hash = own.block_hash(b) WHERE block = 2');
SELECT own.tamper('DELETE FROM calib.block WHERE block = 2') ~ '^(2: the block is missing|3: the block does not continue|-: row \d+ is below a horizon and in no block)' AS block_2_missed;
SELECT own.tamper('DELETE FROM calib.block WHERE block = 4');
SELECT own.tamper('UPDATE calib.leaf SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40)) WHERE block = 1');
SELECT own.tamper('UPDATE calib.leaf SET audit_ids[2] = 0 WHERE block = 1');
SELECT own.tamper('UPDATE calib.leaf SET audit_ids = NULL::bigint[] || NULL::bigint WHERE block = 1');
SELECT own.tamper('DELETE FROM calib.leaf WHERE block = 3 AND position = 1024');
SELECT own.tamper('DELETE FROM calib.leaf WHERE block = 1; UPDATE calib.audit SET person = ''x'' WHERE audit_id = 5');
SELECT own.tamper('DELETE FROM calib.leaf WHERE block = 1; UPDATE calib.audit SET person = ''x'' WHERE audit_id = 5; UPDATE calib.audit a SET row_hash = own.row_hash(a) WHERE audit_id = 5');
SELECT own.try($$SELECT own.tamper('ALTER TABLE calib.audit ALTER new_row TYPE text')$$);
-- a dropped column leaves bytes of any type: not to be read as a jsonb
SELECT own.try($$SELECT own.tamper('ALTER TABLE calib.audit ALTER new_row TYPE int USING 5; ALTER TABLE calib.audit DROP new_row')$$);
-- what only bears the name: nothing is read of it, and nothing written into it
SELECT own.try($$SELECT own.tamper('ALTER TABLE calib.audit RENAME TO real; CREATE VIEW calib.audit AS SELECT * FROM calib.real')$$);
BEGIN;
ALTER TABLE calib.audit RENAME TO real;
CREATE VIEW calib.audit AS SELECT * FROM calib.real;
SELECT own.try($$INSERT INTO calib.holiday (day, name) VALUES ('2029-04-01', 'into a view')$$);
ROLLBACK;
BEGIN;
ALTER TABLE calib.audit DROP client_addr;
SELECT own.try($$INSERT INTO calib.holiday (day, name) VALUES ('2029-04-01', 'into another column')$$);
ROLLBACK;
BEGIN;
ALTER TABLE calib.era RENAME TO real;
CREATE VIEW calib.era AS SELECT * FROM calib.real;
SELECT own.try($$INSERT INTO calib.holiday (day, name) VALUES ('2029-04-01', 'of what era')$$);
ROLLBACK;
SELECT own.try($$SELECT own.tamper('ALTER TABLE calib.audit DROP CONSTRAINT audit_pkey; CREATE INDEX audit_pkey ON calib.audit (audit_id)')$$);
SELECT own.try($$SELECT own.tamper('ALTER TABLE calib.audit DROP CONSTRAINT audit_pkey; CREATE UNIQUE INDEX audit_pkey ON calib.audit (audit_id DESC)')$$);
SELECT own.try($$SELECT own.tamper('ALTER TABLE calib.audit DROP CONSTRAINT audit_pkey; CREATE UNIQUE INDEX audit_pkey ON calib.audit (audit_id) WHERE audit_id <> 5')$$);
-- a row that SELECT shows and the ledger's own reading does not: in a child, and beside the key
SELECT own.tamper('CREATE TABLE own.child () INHERITS (calib.audit); INSERT INTO own.child SELECT * FROM ONLY calib.audit WHERE audit_id = 5');
SELECT own.tamper('CREATE TABLE own.child () INHERITS (calib.block)');
SELECT own.tamper($$UPDATE pg_index SET indisready = false WHERE indexrelid = 'calib.audit_pkey'::regclass;
    INSERT INTO calib.audit SELECT a.* FROM calib.audit a JOIN calib.block b ON b.block = 2 AND a.audit_id = b.last_audit_id;
    UPDATE pg_index SET indisready = true WHERE indexrelid = 'calib.audit_pkey'::regclass$$)
    = format('-: the trail has %s rows below the horizons, and its primary key shows %s: REINDEX INDEX calib.audit_pkey, and verify again', n + 1, n) AS beside_the_key
FROM (SELECT sum(row_count) FROM calib.block) AS b (n);
-- of a transaction still to come
SELECT own.tamper('SELECT own.forge(100000, 5, 4000000000000000000)');

-- A chain rewritten as a whole is sound in itself; an earlier digest knows better
CREATE FUNCTION own.rewrite(from_block bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b calib.block;
    ids bigint[];
    hashes bytea[];
    before bytea;
BEGIN
    UPDATE calib.audit a SET row_hash = own.row_hash(a);
    FOR b IN SELECT * FROM calib.block WHERE block >= from_block ORDER BY block LOOP
        SELECT array_agg(a.audit_id ORDER BY a.audit_id), array_agg(a.row_hash ORDER BY a.audit_id) INTO ids, hashes
        FROM calib.audit a WHERE a.era = b.era AND a.transaction_id >= b.horizon_from AND a.transaction_id < b.horizon;
        DELETE FROM calib.leaf l WHERE l.block = b.block;
        INSERT INTO calib.leaf SELECT b.block, s, ids[s + 1:s + 1024], (SELECT string_agg(h, ''::bytea ORDER BY n) FROM unnest(hashes[s + 1:s + 1024]) WITH ORDINALITY AS u (h, n))
        FROM generate_series(0, cardinality(ids) - 1, 1024) s;
        b.previous := coalesce((SELECT p.hash FROM calib.block p WHERE p.block = b.block - 1), b.previous);
        b.row_count := cardinality(ids);
        b.row_total := b.row_count + coalesce((SELECT p.row_total FROM calib.block p WHERE p.block = b.block - 1), 0);
        b.first_audit_id := ids[1];
        b.last_audit_id := ids[b.row_count];
        b.root := own.root(hashes);
        b.list_hash := own.list_hash(ids, hashes);
        b.hash := own.block_hash(b);
        UPDATE calib.block o SET (previous, row_count, row_total, first_audit_id, last_audit_id, root, list_hash, hash)
            = (b.previous, b.row_count, b.row_total, b.first_audit_id, b.last_audit_id, b.root, b.list_hash, b.hash) WHERE o.block = b.block;
    END LOOP;
END $$;
SELECT own.tamper('SELECT own.rewrite(1)', digest) AS rewriting_nothing_changes_nothing FROM own.digest;
SELECT own.tamper('UPDATE calib.audit SET person = ''x'' WHERE audit_id = 5; SELECT own.rewrite(1)');
SELECT own.tamper('UPDATE calib.audit SET person = ''x'' WHERE audit_id = 5; SELECT own.rewrite(1)', digest) FROM own.digest;
SELECT own.tamper('DELETE FROM calib.audit WHERE audit_id = 5; SELECT own.rewrite(1)');
SELECT own.tamper('DELETE FROM calib.audit WHERE audit_id = 5; SELECT own.rewrite(1)', digest) FROM own.digest;
SELECT own.tamper('DELETE FROM calib.block WHERE block = 4; DELETE FROM calib.leaf WHERE block = 4');
SELECT own.tamper('DELETE FROM calib.block WHERE block = 4; DELETE FROM calib.leaf WHERE block = 4', digest) FROM own.digest;

-- On a broken ledger seal and prove refuse (KC010)
BEGIN;
UPDATE calib.block SET row_count = 1 WHERE block = 4;
SELECT own.try('SELECT calib.seal()');
SELECT own.try('SELECT calib.prove(1)');
SELECT own.try('SELECT calib.prove(1, 3)');
ROLLBACK;
BEGIN;
UPDATE calib.audit SET person = 'x' WHERE audit_id = 5;
SELECT own.try('SELECT calib.prove(5)');
UPDATE calib.audit a SET row_hash = own.row_hash(a) WHERE audit_id = 5;
SELECT own.try('SELECT calib.prove(5)');
SELECT own.try('SELECT calib.prove(6)');
SELECT calib.seal() AS goes_on_all_the_same;
ROLLBACK;
BEGIN;
UPDATE calib.leaf SET hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0)) WHERE block = 1;
SELECT own.try('SELECT calib.prove(5)');
ROLLBACK;

BEGIN;
DELETE FROM calib.block WHERE block = 4;
SELECT own.try('SELECT calib.seal()');
ROLLBACK;

-- Another era, as after a restore: what was open is sealed in it, then it is closed
ALTER TABLE calib.era DISABLE TRIGGER USER;
SELECT era AS old_era FROM calib.era \gset
UPDATE calib.era SET era = gen_random_uuid();
SELECT count(*) AS open_rows FROM calib.audit a WHERE NOT EXISTS (SELECT FROM calib.leaf l WHERE a.audit_id = ANY (l.audit_ids)) \gset
SELECT unsealed_rows = :open_rows AS all_open FROM calib.unsealed;
\c -
SET client_min_messages = warning;
INSERT INTO calib.holiday (day, name) VALUES ('2028-04-01', 'first of the new era');
ALTER TABLE calib.audit ENABLE ALWAYS TRIGGER keep_append_only;
SELECT calib.seal();
SELECT block, era = :'old_era' AS old, horizon = 9223372036854775807 AS closed, horizon_from = 0 AS first_of_era FROM calib.block WHERE block > 4 ORDER BY block;
SELECT bool_and(as_documented) AS as_documented FROM own.sound;
SELECT bool_and(ok) AS green FROM own.digest, calib.verify(digest);
SELECT unsealed_rows FROM calib.unsealed;
SELECT bool_and(own.follows(calib.prove(audit_id), calib.digest())) AS proved FROM calib.audit WHERE audit_id IN (1, :open);
ALTER TABLE calib.audit DISABLE TRIGGER USER;
SELECT own.tamper('SELECT own.forge(100000, 5, 4611686018427387904)');
SELECT own.tamper('SELECT own.forge(100000, 5); UPDATE calib.audit SET era = ''00000000-0000-0000-0000-000000000000'' WHERE audit_id = 100000; UPDATE calib.audit a SET row_hash = own.row_hash(a) WHERE audit_id = 100000');

-- Another table in the place of calib.block: not read as what it is not
BEGIN;
ALTER TABLE calib.block RENAME TO real;
CREATE TABLE calib.block AS SELECT * FROM calib.real;
ALTER TABLE calib.block ALTER previous TYPE int USING 5;
SELECT own.try('SELECT calib.seal()');
ROLLBACK;

-- A number the sequence was set to is not drawn yet: its row is sealed with the next ones
INSERT INTO calib.holiday (day, name) VALUES ('2029-05-02', 'row before');
SELECT setval('calib.audit_audit_id_seq', 200000, false);
SELECT calib.seal() IS NOT NULL AS sealed;
INSERT INTO calib.holiday (day, name) VALUES ('2029-05-01', 'row 200000');
-- not even a crash takes a block back
BEGIN;
SET LOCAL synchronous_commit = off;
SELECT calib.seal() IS NOT NULL AS sealed, pg_current_wal_insert_lsn() AS lsn \gset
COMMIT;
SELECT :'sealed' AS sealed, pg_current_wal_flush_lsn() >= :'lsn' AS is_safe;
SELECT own.tamper('SELECT');

DROP SCHEMA own CASCADE;
DROP EXTENSION calib CASCADE;
DROP ROLE regress_ledger_clerk, regress_ledger_admin;
