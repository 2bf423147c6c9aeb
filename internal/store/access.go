package store

import "github.com/honeydue/honeydue/internal/household"

// The access rule, once for each shape a statement can have. $1 is always the
// asking user. They are constants, joined to a statement when it is compiled.
const (
	// homesCTE is every residence the user can see. UNION and not OR: with OR
	// Postgres scans the whole table (912 ms against 3-7 at 300,000 tasks).
	homesCTE = `homes AS (
	SELECT id, owner_id, time_zone FROM residences WHERE owner_id = $1 AND active
	UNION
	SELECT r.id, r.owner_id, r.time_zone
	FROM residence_users m JOIN residences r ON r.id = m.residence_id
	WHERE m.user_id = $1 AND r.active
)`

	// seenResidenceCTE is residence $2 if the user can see it, and his role there.
	seenResidenceCTE = `seen AS (
	SELECT r.id, r.owner_id, r.time_zone, CASE WHEN r.owner_id = $1 THEN 'owner' ELSE m.role END AS role
	FROM residences r LEFT JOIN residence_users m ON m.residence_id = r.id AND m.user_id = $1
	WHERE r.id = $2 AND r.active AND (r.owner_id = $1 OR m.user_id IS NOT NULL)
)`

	// seenTaskCTE is task $2 if the user can see its residence.
	seenTaskCTE = `seen AS (
	SELECT t.id, r.time_zone
	FROM tasks t
	JOIN residences r ON r.id = t.residence_id
	LEFT JOIN residence_users m ON m.residence_id = r.id AND m.user_id = $1
	WHERE t.id = $2 AND r.active AND (r.owner_id = $1 OR m.user_id IS NOT NULL)
)`
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
