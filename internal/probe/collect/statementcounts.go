package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/honeydue/honeydue/internal/store"
)

// statementsSQL sums up pg_stat_statements: for each statement of the catalogue, for all others together, and
// for those whose texts this role may not see. Texts do not leave the server. A statement is known by the comment
// that its text begins with, if that is one of the catalogue's names; Postgres 18 keeps no comment that stands before
// a statement, so there the text itself is compared, by a digest of it without its constants. The probe's own readings
// carry a comment inside, and its plans begin with EXPLAIN.
func statementsSQL(schema string) string {
	var names, leads, digests []string
	seen := map[string]bool{}
	for _, q := range store.Catalogue() {
		names = append(names, q.Name)
		body := withoutComment(q.SQL)
		if len(body) < leadLength || strings.ContainsAny(body[:leadLength], "'$-0123456789") || seen[textDigest(body)] {
			continue // SELECT 1 may be anybody's; of two that differ in a constant one name is enough
		}
		seen[textDigest(body)] = true
		leads = append(leads, "'"+body[:leadLength]+"'")
		digests = append(digests, fmt.Sprintf("('%s', '%s')", q.Name, textDigest(body)))
	}
	return fmt.Sprintf(`SELECT json_build_object(
	'ours', coalesce(json_agg(json_build_object('name', t.name, 'calls', t.calls, 'ms', t.ms)) FILTER (WHERE t.kind = 'ours'), '[]'),
	'others', json_build_object('calls', coalesce(sum(t.calls) FILTER (WHERE t.kind = 'others'), 0),
		'ms', coalesce(sum(t.ms) FILTER (WHERE t.kind = 'others'), 0)),
	'hidden', json_build_object('calls', coalesce(sum(t.calls) FILTER (WHERE t.kind = 'hidden'), 0),
		'ms', coalesce(sum(t.ms) FILTER (WHERE t.kind = 'hidden'), 0)))
FROM (
	SELECT c.kind, n.name, sum(s.calls) AS calls, sum(s.total_exec_time) AS ms
	FROM %s.pg_stat_statements s
	CROSS JOIN LATERAL (SELECT CASE WHEN left(s.query, %d) = ANY (ARRAY[%s]) THEN %s END AS digest) d
	LEFT JOIN (VALUES %s) k(name, digest) ON k.digest = d.digest
	CROSS JOIN LATERAL (SELECT coalesce(substring(s.query FROM '^/\* (%s) \*/'), k.name) AS name) n
	CROSS JOIN LATERAL (SELECT CASE
		WHEN n.name IS NOT NULL THEN CASE WHEN s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) THEN 'ours' END
		WHEN s.query = '<insufficient privilege>' THEN 'hidden'
		WHEN s.query IS NULL OR s.query !~ '^(SELECT %s|EXPLAIN )' THEN 'others' END AS kind) c
	GROUP BY 1, 2
) t`, schema, leadLength, strings.Join(leads, ", "), textDigestSQL("s.query"), strings.Join(digests, ", "), strings.Join(names, "|"), strings.ReplaceAll(readingMark, "*", `\*`))
}

// leadLength is how many characters of a statement say whether it is worth a closer look.
const leadLength = 16

func withoutComment(sql string) string {
	return strings.TrimSpace(strings.TrimPrefix(sql, "/* "+store.StatementName(sql)+" */"))
}

// What pg_stat_statements may write as $1 becomes a question mark, wherever it stands, and a list of them becomes
// one, as Postgres 18 writes it. Both patterns mean the same to Go and to Postgres.
const (
	constantPattern = `-?([$]?[0-9]+([.][0-9]+)?|'([^']|'')*'|extract[(]([a-z]+|[$][0-9]+) FROM|true|false|null|TRUE|FALSE|NULL)`
	listPattern     = `[?]((, ?[?])+| /[*], [.][.][.] [*]/)`
)

// textDigest is equal for two texts that differ in constants only.
func textDigest(text string) string {
	text = regexp.MustCompile(constantPattern).ReplaceAllString(text, "?")
	sum := sha256.Sum256([]byte(regexp.MustCompile(listPattern).ReplaceAllString(text, "?")))
	return hex.EncodeToString(sum[:8])
}

// textDigestSQL is textDigest as an expression of Postgres.
func textDigestSQL(text string) string {
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return fmt.Sprintf("left(encode(sha256(convert_to(regexp_replace(regexp_replace(%s, %s, '?', 'g'), %s, '?', 'g'), 'UTF8')), 'hex'), 16)",
		text, literal(constantPattern), literal(listPattern))
}
