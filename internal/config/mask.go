package config

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// masked stands where a secret was.
const masked = "*****"

// schemes are those of the settings' URLs. A text with another one may be a password that was set in a URL's place.
func schemes() []string {
	return []string{"postgres", "postgresql", "redis", "rediss", "http", "https", "unix", "file", "mem", "s3", "gs", "azblob"}
}

// parseURL reads a URL. It says no where an @ stands behind the host: there a parser has cut the password off and
// taken its rest for a host, a path or a fragment, as in postgres://user:pa#ss@host.
func parseURL(raw string) (*url.URL, bool) {
	u, err := url.Parse(raw)
	_, rest, hasHost := strings.Cut(raw, "://")
	if err != nil || !hasHost || !slices.Contains(schemes(), u.Scheme) {
		return nil, false
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && strings.Contains(rest[end:], "@") {
		return nil, false
	}
	return u, true
}

// MaskURL returns a URL without its secrets: the password, and each parameter of the query that carries one. Of what
// cannot be read as a URL it shows the scheme at most.
func MaskURL(raw string) string {
	if raw == "" {
		return ""
	}
	raw = asURL(raw)
	u, ok := parseURL(raw)
	if !ok {
		if scheme, _, ok := strings.Cut(raw, "://"); ok && slices.Contains(schemes(), scheme) {
			return scheme + "://" + masked
		}
		return masked
	}
	var b strings.Builder
	b.WriteString(u.Scheme + "://")
	if u.User != nil {
		b.WriteString(maskUser(u) + "@")
	}
	b.WriteString(u.Host + u.EscapedPath())
	if query := maskQuery(u.RawQuery); query != "" {
		b.WriteString("?" + query)
	}
	return b.String()
}

// maskUser keeps a user's name. One that stands alone may be a token, except where databases have roles.
func maskUser(u *url.URL) string {
	name := url.User(u.User.Username()).String()
	if _, has := u.User.Password(); has {
		return name + ":" + masked
	}
	if strings.HasPrefix(u.Scheme, "postgres") {
		return name
	}
	return masked
}

func maskQuery(raw string) string {
	if raw == "" {
		return ""
	}
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		name, _, hasValue := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); hasValue && (err != nil || isSecretName(plain)) {
			parts[i] = name + "=" + masked
		}
	}
	return strings.Join(parts, "&")
}

// isSecretName tells whether what a parameter of that name carries should not be shown.
func isSecretName(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"password", "passwd", "pwd", "secret", "token", "apikey", "api_key", "api-key", "accesskey", "access_key", "credential", "signature", "auth"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "sig" || name == "key"
}

// Both patterns take too much rather than too little.
var (
	credentialsInURL = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s"'<>]*@`)
	secretAssignment = regexp.MustCompile(`(?i)\b((?:[a-z_]*(?:password|passwd|pwd|secret|token))\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"']+)`)
)

// MaskText takes secrets out of running text, such as an error of a driver: the credentials of any URL, the value of
// anything called a password, a secret or a token, and each of the given secrets wherever it stands.
func MaskText(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, masked)
		}
	}
	text = credentialsInURL.ReplaceAllString(text, "${1}"+masked+"@")
	return secretAssignment.ReplaceAllString(text, "${1}"+masked)
}

// NewMask takes any number of secrets, such as the tokens of thousands of users, out of a text in one pass.
func NewMask(secrets []string) *strings.Replacer {
	var pairs []string
	for _, s := range longestFirst(slices.Clone(secrets)) {
		if len(s) >= shortestSecret {
			pairs = append(pairs, s, masked)
		}
	}
	return strings.NewReplacer(pairs...)
}

const (
	// shortestSecret is the least that MaskText is given to look for: a shorter one would blot out half of the words.
	shortestSecret = 4
	// shortestGuess is the same for a variable that is none of ours and only sounds like a secret.
	shortestGuess = 12
)

// Secrets are the secret values of the environment, each as it stands there and as it reads once decoded, the
// longest first, for MaskText.
func (e Environ) Secrets() []string {
	found := map[string]bool{}
	add := func(s string) {
		if len(s) >= shortestSecret {
			found[s] = true
		}
	}
	for _, s := range Settings(e) {
		value := e[s.Env]
		switch s.Secret {
		case secretAll:
			add(value)
			for _, v := range pairs(value) {
				add(v)
			}
		case secretURL:
			for _, v := range urlSecrets(value) {
				add(v)
			}
		}
	}
	for name, value := range e {
		if isSecretName(name) && !isWorkingDirectory(name) && len(value) >= shortestGuess {
			add(value)
		}
	}
	out := make([]string, 0, len(found))
	for s := range found {
		out = append(out, s)
	}
	return longestFirst(out)
}

// longestFirst sorts secrets so that one which is a part of another does not leave the rest of it standing.
func longestFirst(secrets []string) []string {
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return secrets
}

// isWorkingDirectory knows the two variables of every shell that sound like a password and name a folder (POSIX, cd).
func isWorkingDirectory(name string) bool { return name == "PWD" || name == "OLDPWD" }

func urlSecrets(raw string) []string {
	if settings, ok := keywordsAndValues(raw); ok && !strings.Contains(raw, "://") {
		out := []string{raw}
		for _, s := range settings {
			if isSecretName(s.key) {
				out = append(out, s.value, url.QueryEscape(s.value), url.PathEscape(s.value))
			}
		}
		return out
	}
	u, ok := parseURL(raw)
	if !ok {
		// What follows the first colon of the authority, up to the last @, is the password and more.
		_, rest, _ := strings.Cut(raw, "://")
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			_, password, _ := strings.Cut(rest[:at], ":")
			return []string{password, raw}
		}
		return []string{raw}
	}
	var out []string
	if password, has := u.User.Password(); has {
		out = append(out, password, url.QueryEscape(password), url.PathEscape(password))
		if _, encoded, ok := strings.Cut(u.User.String(), ":"); ok {
			out = append(out, encoded)
		}
	}
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		if isSecretName(name) {
			out = append(out, value)
			if plain, err := url.QueryUnescape(value); err == nil {
				out = append(out, plain)
			}
		}
	}
	return out
}

// pairs reads lists of the form k=v,k2=v2 as OpenTelemetry's variables have them; later lists win.
func pairs(lists ...string) map[string]string {
	out := map[string]string{}
	for _, list := range lists {
		for part := range strings.SplitSeq(list, ",") {
			name, value, ok := strings.Cut(part, "=")
			if name = strings.TrimSpace(name); !ok || name == "" {
				continue
			}
			value = strings.TrimSpace(value)
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
			out[name] = value
		}
	}
	return out
}
