package config

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Note is a parameter of a database URL that has no effect, and why.
type Note struct {
	Variable string // DATABASE_URL
	Key      string
	Why      string
}

// String is the note as a sentence.
func (n Note) String() string {
	return n.Variable + " sets " + n.Key + ", which has no effect: " + n.Why + "."
}

// connString is a URL of the environment after its one reading.
type connString struct {
	// url has the parameters alone that pgx carries out.
	url   *url.URL
	pool  []keyValue // the parameters that have a variable of their own
	notes []Note
}

// keyValue is a parameter as it was written.
type keyValue struct{ key, value string }

const howToWrite = "Write it as postgres://user:password@host:port/name, with any of / ? # % @ in the password as %2F %3F %23 %25 %40."

// readConnString reads what variable holds, a URL or libpq's keywords and
// values (host=... dbname=...). What a parser says about a bad one stays out, as
// it quotes it. An error is one or more *Error joined.
func readConnString(variable, raw string) (connString, error) {
	settings, u, err := splitConnString(variable, raw)
	if err != nil {
		return connString{}, err
	}
	out := connString{}
	query := url.Values{}
	var problems []error
	place := map[string]string{}
	for _, s := range settings {
		use := useOf(s.key)
		switch {
		case s.value == "" || use.moot || slices.Contains(use.fine, s.value): // not set, or nothing to do
		case use.place:
			place[s.key] = s.value
		case use.variable != "":
			out.pool = append(out.pool, s)
		case use.honored || s.key == "options" && variable == "DATABASE_DIRECT_URL":
			query.Set(s.key, s.value)
		case use.note != "":
			out.notes = append(out.notes, Note{variable, s.key, use.note})
		default:
			problems = append(problems, &Error{variable, "sets " + shownKey(s.key) + use.problem, use.remedy})
		}
	}
	if name := query.Get("fallback_application_name"); name != "" {
		query.Del("fallback_application_name")
		if query.Get("application_name") == "" {
			query.Set("application_name", name)
		}
	}
	if mode := query.Get("sslmode"); mode != "" && !slices.Contains(sslModes(), mode) {
		problems = append(problems, &Error{variable, "has an sslmode that does not exist", "Use one of " + strings.Join(sslModes(), ", ") + "."})
	}
	if attrs := query.Get("target_session_attrs"); attrs != "" && !slices.Contains([]string{"any", "read-write", "primary"}, attrs) {
		problems = append(problems, &Error{variable, "has a target_session_attrs that excludes writable servers", "Use any, read-write or primary: honeydue writes."})
	}
	if err := settle(variable, u, place); err != nil {
		problems = append(problems, err)
	}
	u.RawQuery = withoutChange(u.RawQuery, query)
	out.url = u
	return out, errors.Join(problems...)
}

// withoutChange keeps a query as it was written if it says the same.
func withoutChange(raw string, query url.Values) string {
	was, err := url.ParseQuery(raw)
	if err == nil && len(was) == len(query) {
		same := true
		for key, values := range was {
			same = same && len(values) == 1 && query.Get(key) == values[0] && query.Has(key)
		}
		if same {
			return raw
		}
	}
	return query.Encode()
}

// settle puts host, port, user, password and database where a URL has them, and refuses what is no single host.
func settle(variable string, u *url.URL, place map[string]string) error {
	host, port := u.Hostname(), u.Port()
	for key, into := range map[string]*string{"host": &host, "port": &port} {
		if v := place[key]; v != "" {
			*into = v
		}
	}
	switch {
	case strings.Contains(host, ",") || strings.Contains(port, ","):
		return &Error{variable, "names more than one host", "Name one host, the pooler's or the primary's, so that it is known which server is reached."}
	case strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@"):
		return &Error{variable, "names the folder of a socket", "Name a host, such as 127.0.0.1: honeydue connects over TCP."}
	case host == "":
		return &Error{variable, "has no host", howToWrite}
	case port != "" && !regexp.MustCompile(`^[0-9]{1,5}$`).MatchString(port):
		return &Error{variable, "has a port that is not a number", howToWrite}
	}
	if place["host"] != "" || place["port"] != "" {
		u.Host = host
		if strings.Contains(host, ":") {
			u.Host = "[" + host + "]"
		}
		if port != "" {
			u.Host = net.JoinHostPort(host, port)
		}
	}
	if name := place["dbname"]; name != "" {
		u.Path, u.RawPath = "/"+name, ""
	}
	user, password := place["user"], place["password"]
	if user == "" && password == "" {
		return nil
	}
	if user == "" {
		user = u.User.Username()
	}
	if was, has := u.User.Password(); password == "" && has {
		password = was
	}
	u.User = url.User(user)
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return nil
}

// splitConnString takes the parameters out of a URL or out of keywords and
// values; of one that is given twice the last counts, as in libpq. The URL that
// it returns has no parameter yet, or those that it was written with.
func splitConnString(variable, raw string) ([]keyValue, *url.URL, error) {
	if !strings.Contains(raw, "://") {
		settings, ok := keywordsAndValues(raw)
		// A password that was set in place of the URL may have an equals sign.
		if !ok || !slices.ContainsFunc(settings, func(s keyValue) bool { return !useOf(s.key).unknown }) {
			return nil, nil, &Error{variable, "cannot be read as a URL", howToWrite}
		}
		return lastOfEach(settings), &url.URL{Scheme: "postgres"}, nil
	}
	if severalHosts(raw) {
		return nil, nil, &Error{variable, "names more than one host", "Name one host, the pooler's or the primary's, so that it is known which server is reached."}
	}
	u, ok := parseURL(raw)
	if !ok || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, nil, &Error{variable, "cannot be read as a URL", howToWrite}
	}
	var settings []keyValue
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		key, errKey := url.QueryUnescape(key)
		value, errValue := url.QueryUnescape(value)
		if errKey != nil || errValue != nil {
			return nil, nil, &Error{variable, "cannot be read as a URL", howToWrite}
		}
		settings = append(settings, keyValue{key, value})
	}
	return lastOfEach(settings), u, nil
}

// severalHosts finds libpq's list of hosts, which no URL has. The authority ends at the last @ as long as nothing
// that looks like a password's rest stands behind it.
func severalHosts(raw string) bool {
	_, rest, _ := strings.Cut(raw, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		if strings.Contains(rest[end:], "@") {
			return false
		}
		rest = rest[:end]
	}
	return strings.Contains(rest[strings.LastIndex(rest, "@")+1:], ",")
}

// lastOfEach also has libpq's names for what has two.
func lastOfEach(settings []keyValue) []keyValue {
	var out []keyValue
	for _, s := range settings {
		switch {
		case s.key == "database":
			s.key = "dbname"
		case s.key == "ssl" && s.value == "true":
			s = keyValue{"sslmode", "require"}
		}
		out = slices.DeleteFunc(out, func(o keyValue) bool { return o.key == s.key })
		out = append(out, s)
	}
	return out
}

// keywordsAndValues reads libpq's form: host=h password='it”s' with a backslash before a quote or a backslash, and
// spaces around the equals sign.
func keywordsAndValues(raw string) ([]keyValue, bool) {
	var out []keyValue
	for rest := strings.TrimSpace(raw); rest != ""; rest = strings.TrimSpace(rest) {
		key, after, found := strings.Cut(rest, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" || strings.ContainsAny(key, " \t\n'\\") {
			return nil, false
		}
		value, left, ok := oneValue(strings.TrimSpace(after))
		if !ok {
			return nil, false
		}
		out, rest = append(out, keyValue{key, value}), left
	}
	return out, len(out) > 0
}

func oneValue(text string) (value, rest string, ok bool) {
	var b strings.Builder
	quoted := strings.HasPrefix(text, "'")
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quoted && c == '\'':
			return b.String(), text[i+1:], true
		case !quoted && strings.ContainsRune(" \t\r\n", rune(c)):
			return b.String(), text[i:], true
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", !quoted
}

// shownKey is a key that may be printed: what is not written like one may be the rest of a password.
func shownKey(key string) string {
	if regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,39}$`).MatchString(key) {
		return key
	}
	return "a parameter with an impossible name"
}

// asURL writes keywords and values as a URL; what it cannot read it returns as it is.
func asURL(raw string) string {
	if strings.Contains(raw, "://") {
		return raw
	}
	c, err := readConnString("", raw)
	if err != nil {
		return raw
	}
	return c.url.String()
}
