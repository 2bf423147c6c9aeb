package store

import "github.com/honeydue/honeydue/internal/household"

// The access rule, once for each shape a statement can have. They are
// constants, joined to a statement when it is compiled.
const (
	// bearerCTE is the user behind the token whose hash is $1; nobody when there
	// is no such token. askingCTE is the user $1.
	bearerCTE = `me AS (SELECT user_id AS id FROM auth_tokens WHERE key_hash = $1::bytea)` //nolint:gosec // SQL, no credential
	askingCTE = `me AS (SELECT $1::bigint AS id)`

	// homesCTE is every residence that me can see. UNION and not OR: with OR
	// Postgres scans the whole table (912 ms against 3-7 at 300,000 tasks).
	homesCTE = `homes AS (
	SELECT r.id, r.owner_id, r.time_zone FROM me JOIN residences r ON r.owner_id = me.id WHERE r.active
	UNION
	SELECT r.id, r.owner_id, r.time_zone
	FROM me JOIN residence_users m ON m.user_id = me.id JOIN residences r ON r.id = m.residence_id
	WHERE r.active
)`

	// homeIDsColumns are the ids of the residences that the user u can see, sorted.
	homeIDsColumns = `ARRAY(
	SELECT id FROM residences WHERE owner_id = u.id AND active
	UNION
	SELECT r.id FROM residence_users m JOIN residences r ON r.id = m.residence_id
	WHERE m.user_id = u.id AND r.active
	ORDER BY 1
)`

	// seenResidenceCTE is residence $2 if the user $1 can see it, and his role there.
	seenResidenceCTE = `seen AS (
	SELECT r.id, r.owner_id, r.time_zone, CASE WHEN r.owner_id = $1 THEN 'owner' ELSE m.role END AS role
	FROM residences r LEFT JOIN residence_users m ON m.residence_id = r.id AND m.user_id = $1
	WHERE r.id = $2 AND r.active AND (r.owner_id = $1 OR m.user_id IS NOT NULL)
)`

	// seenTaskCTE is task $2 if the user $1 can see its residence.
	seenTaskCTE = `seen AS (
	SELECT t.id, t.residence_id, t.version, r.time_zone
	FROM tasks t
	JOIN residences r ON r.id = t.residence_id
	LEFT JOIN residence_users m ON m.residence_id = r.id AND m.user_id = $1
	WHERE t.id = $2 AND r.active AND (r.owner_id = $1 OR m.user_id IS NOT NULL)
)`

	// heldCTE is what of seen lies in the residences that the write holds, $4:
	// only that is changed.
	heldCTE = `held AS (SELECT * FROM seen WHERE residence_id = ANY ($4::bigint[]))`
)

// rolesFor lists the roles that allow an action, as a statement's argument.
func rolesFor(a household.Action) []string {
	var names []string
	for _, r := range household.Roles() {
		if r.May(a) {
			names = append(names, string(r))
		}
	}
	return names
}
