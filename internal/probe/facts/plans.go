package facts

import (
	"fmt"
	"slices"
	"strings"
)

// GivenMode is the plan_cache_mode that a role or the database gives to the app's sessions.
func (f *DatabaseFacts) GivenMode() (GivenSetting, bool) {
	i := slices.IndexFunc(f.Given, func(g GivenSetting) bool { return g.Name == "plan_cache_mode" })
	if i < 0 {
		return GivenSetting{}, false
	}
	return f.Given[i], true
}

// SwitchedOff are the planner's steps (enable_…) that the next connections may not take, and this one may.
func (f *DatabaseFacts) SwitchedOff() []GivenSetting {
	var out []GivenSetting
	for _, g := range f.Given {
		if g.Pending && strings.HasPrefix(g.Name, "enable_") && slices.Contains([]string{"off", "false", "no", "0"}, strings.ToLower(g.Value)) {
			out = append(out, g)
		}
	}
	return out
}

// Of says whose setting it is; the role has no name here.
func (g GivenSetting) Of() string {
	switch {
	case g.Role && g.Database:
		return "the app's role in this database"
	case g.Role:
		return "the app's role"
	case g.EveryRole:
		return "every role"
	}
	return "this database"
}

// Reset undoes it where it was set. A role may do that for itself, so it is done as the app.
func (g GivenSetting) Reset() string {
	url, whose := "DATABASE_DIRECT_URL", `DATABASE :"DBNAME"`
	switch {
	case g.Role && g.Database:
		url, whose = "DATABASE_URL", `ROLE CURRENT_USER IN DATABASE :"DBNAME"`
	case g.Role:
		url, whose = "DATABASE_URL", "ROLE CURRENT_USER"
	case g.EveryRole:
		whose = "ROLE ALL"
	}
	alter := fmt.Sprintf("ALTER %s RESET %s;", whose, g.Name)
	if g.Name == ReadOnlyDefault {
		alter = "BEGIN READ WRITE;\n" + alter + "\nCOMMIT;"
	}
	return fmt.Sprintf("psql \"$%s\" -v ON_ERROR_STOP=1 <<'SQL' && psql \"$PGBOUNCER_ADMIN_URL\" -c RECONNECT\n%s\nSQL", url, alter)
}
