-- +goose Up
-- An account is its e-mail address with A to Z folded, and nothing else: what the database's locale makes of other
-- letters must not decide who is whom. The index keeps its name, by which a release before this one knows a taken address.
DROP INDEX users_email_key;
CREATE UNIQUE INDEX users_email_key ON users (lower(email COLLATE "C"));

-- Earlier releases stored an address as it was sent: with a display name, a comment or quotes. Its owner could not log in
-- by the bare address, and someone else could register that. It becomes the bare address where it contains one only, and
-- nobody else has it or would get it. What is left stays as it is, and still logs in as it was registered:
--     SELECT id, email FROM users WHERE email ~ '[[:space:]<>()"]'
-- Contractors' addresses are not unique; theirs become bare where they contain one address only.
-- +goose StatementBegin
DO $$
DECLARE
    atom    text := '[a-z0-9!#$%&''*+/=?^_`{|}~-]+';
    label   text := '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
    locals  text := atom || '(?:\.' || atom || ')*';
    domain  text := label || '(?:\.' || label || ')*';
    named   text := '^[^<>@]*<(' || locals || '@' || domain || ')>$';
    comment text := '^(?:\([^()@]*\)\s*)*(' || locals || '@' || domain || ')(?:\s*\([^()@]*\))*$';
    quoted  text := '^"(' || locals || ')"@(' || domain || ')$';
BEGIN
    WITH bare AS (
        SELECT id, lower(COALESCE(substring(address from named), substring(address from comment), substring(regexp_replace(address, quoted, '\1@\2') from comment)) COLLATE "C") AS address
        FROM (SELECT id, lower(btrim(email) COLLATE "C") AS address FROM users WHERE email ~ '[[:space:]<>()"]') odd
    )
    UPDATE users u SET email = b.address
    FROM bare b
    WHERE u.id = b.id AND length(b.address) >= 3
        AND NOT EXISTS (SELECT FROM users o WHERE o.id <> b.id AND lower(o.email COLLATE "C") = b.address)
        AND NOT EXISTS (SELECT FROM bare o WHERE o.id <> b.id AND o.address = b.address);

    UPDATE contractors c SET email = b.address
    FROM (
        SELECT id, COALESCE(substring(address from '(?i)' || named), substring(address from '(?i)' || comment), substring(regexp_replace(address, '(?i)' || quoted, '\1@\2') from '(?i)' || comment)) AS address
        FROM (SELECT id, btrim(email) AS address FROM contractors WHERE email ~ '[[:space:]<>()"]') odd
    ) b
    WHERE c.id = b.id AND b.address IS NOT NULL;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- This fails where the locale of the database folds two accounts into one, such as ä@ and Ä@. Rename one of each first:
--     SELECT lower(email), array_agg(id) FROM users GROUP BY 1 HAVING count(*) > 1
DROP INDEX users_email_key;
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
