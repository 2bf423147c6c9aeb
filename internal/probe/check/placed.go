package check

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// The sources of a password.
const (
	// PasswordInURL is the zero value: the variable of the endpoint's own name holds a URL with it.
	PasswordInURL facts.PasswordSource = ""
	// PasswordInMainURL is DATABASE_URL, for a direct endpoint that is another host of the same database.
	PasswordInMainURL facts.PasswordSource = "DATABASE_URL"
	// PasswordAlone is a variable that holds nothing else.
	PasswordAlone facts.PasswordSource = "DB_PASSWORD"
	// PasswordUnknown leaves it to the client, which asks for it.
	PasswordUnknown facts.PasswordSource = "unknown"
)

// unknownContext stands in a remedy for the kubectl context of a cluster that was not measured. kubectl refuses it, so
// that a command that was pasted as it is changes nothing.
const unknownContext = "CONTEXT"

// defaultNamespace is that of the manifests (deploy-k3s/overlays/production), and the one that remedies are written with.
const defaultNamespace = "honeydue"

// placement turns the commands of a remedy, which are written with variables and the manifests' namespace, into commands
// that reach what was measured and nothing else, whatever the shell's variables and kubectl's current context are.
type placement struct {
	direct, pooler, console pgPlace
	redis                   redisPlace
	kubectl, namespace      string
	target                  string
}

// pgPlace is an endpoint of Postgres as an argument of psql, and what has to stand before the command.
type pgPlace struct{ env, word string }

// redisPlace is Redis as arguments of redis-cli: as the app's user, and as another one with the URL in REDIS_ADMIN_URL.
type redisPlace struct{ app, admin, user string }

// place names what this observation has measured.
func place(o *facts.Observation) placement {
	c := o.Config
	p := placement{
		pooler:    placePG("DATABASE_URL", c.URL, c.Passwords.URL),
		direct:    placePG("DATABASE_DIRECT_URL", c.DirectURL, c.Passwords.Direct),
		console:   placePG("PGBOUNCER_ADMIN_URL", c.AdminURL, c.Passwords.Admin),
		redis:     placeRedis(c.RedisURL),
		kubectl:   "kubectl --context " + unknownContext,
		namespace: defaultNamespace,
	}
	// What was measured through one endpoint alone is mended through it.
	if p.direct.word == "" {
		p.direct = p.pooler
	}
	if p.pooler.word == "" {
		p.pooler = p.direct
	}
	if p.console.word == "" && c.URL != "" {
		p.console = consoleAt(c.URL)
	}
	if c.Cluster != nil {
		p.namespace = c.Cluster.Namespace
		if name := c.Cluster.Context; name != "" {
			p.kubectl = "kubectl --context " + shellWord(name)
		} else if o.Cluster != nil && o.Cluster.Context != "" {
			p.kubectl = "kubectl --context " + shellWord(o.Cluster.Context)
		}
	}
	if u, err := facts.BareURL(c.TargetURL); err == nil {
		p.target = strings.TrimRight(u.String(), "/")
	}
	return p
}

// placePG is empty for a URL that can't be read, where nothing was measured.
func placePG(variable, raw string, password facts.PasswordSource) pgPlace {
	u, err := facts.HostedURL(raw)
	if err != nil {
		return pgPlace{}
	}
	without := `"postgres://` + pgRest(u, "") + `"`
	if user := u.User.Username(); user != "" {
		without = `"postgres://` + percent(user) + "@" + pgRest(u, "") + `"`
	}
	_, has := u.User.Password()
	switch {
	case !has || password == PasswordUnknown:
		return pgPlace{word: without}
	case password == PasswordAlone:
		return pgPlace{env: `PGPASSWORD="$DB_PASSWORD" `, word: without}
	case password == PasswordInMainURL:
		variable = "DATABASE_URL"
	}
	return pgPlace{word: `"${` + variable + `%%@*}@` + pgRest(u, u.User.Username()) + `"`}
}

// consoleAt is the console of the pooler at the app's own endpoint, for whoever has the console's URL.
func consoleAt(raw string) pgPlace {
	u, err := facts.HostedURL(raw)
	if err != nil {
		return pgPlace{}
	}
	u.Path, u.RawPath = "/pgbouncer", ""
	return pgPlace{word: `"${PGBOUNCER_ADMIN_URL%%@*}@` + pgRest(u, "") + `"`}
}

// pgRest is what follows the user in a URL: host, port, database, and of the parameters those that decide how the server
// is reached. The user is a parameter, which wins over the one in the variable.
func pgRest(u *url.URL, user string) string {
	var params []string
	if user != "" {
		params = append(params, "user="+percent(user))
	}
	query := u.Query()
	if query.Get("sslmode") == "" {
		query.Set("sslmode", "prefer") // libpq's default, and pgx's; with no parameter an unset variable would leave a plain name
	}
	for _, key := range []string{"sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "options"} {
		if v := query.Get(key); v != "" {
			params = append(params, key+"="+percent(v))
		}
	}
	return hostPort(u) + "/" + percent(strings.TrimPrefix(u.Path, "/")) + "?" + strings.Join(params, "&")
}

func hostPort(u *url.URL) string {
	host := percent(u.Hostname())
	if strings.Contains(u.Hostname(), ":") {
		host = "[" + u.Hostname() + "]"
	}
	if u.Port() == "" {
		return host
	}
	return host + ":" + u.Port()
}

// percent encodes all that a shell or a URL could read as more than a character.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// placeRedis is empty for a URL that can't be read.
func placeRedis(raw string) redisPlace {
	opts, err := redis.ParseURL(raw)
	if err != nil {
		return redisPlace{}
	}
	p := redisPlace{user: shellWord(cmp.Or(opts.Username, "default"))}
	if opts.Network == "unix" {
		p.app = fmt.Sprintf("-s %s -n %d", shellWord(opts.Addr), opts.DB)
		p.admin = p.app + " --user ADMIN --askpass"
		return p
	}
	rest := fmt.Sprintf("%s/%d", hostPort(&url.URL{Host: opts.Addr}), opts.DB)
	p.admin = `-u "${REDIS_ADMIN_URL%%@*}@` + rest + `"`
	scheme, _, _ := strings.Cut(raw, ":")
	switch {
	case opts.Password == "":
		p.app = `-u "` + scheme + "://" + rest + `"`
	case strings.Count(raw, "@") > 1, opts.Username == "" && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:/") != "":
		// The shell would cut at an @ that is part of the password; sed or a bracket would change the address.
		p.app = `-u "` + scheme + "://" + rest + `" --user ` + p.user + " --askpass"
	case opts.Username == "": // redis-cli logs in as the user "", whom no Redis knows
		p.app = `-u "$(echo "${REDIS_URL}" | sed 's,://:\([^@]*\)@.*,://default:\1@` + rest + `,')"`
	default:
		p.app = `-u "${REDIS_URL%%@*}@` + rest + `"`
	}
	return p
}

// shellWord is a word that a shell takes as it is.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@%+=,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// The commands of a remedy as they are written; a namespace of Kubernetes' own stays.
const (
	psqlCommand    = `psql "\$(DATABASE_URL|DATABASE_DIRECT_URL|PGBOUNCER_ADMIN_URL)"`
	redisCommand   = `-u "\$(REDIS_URL|REDIS_ADMIN_URL)"`
	kubectlCommand = `\bkubectl( -n ` + defaultNamespace + `)? `
	ownCommand     = `^honeydue (migrate|warmup)\b`
)

// name is the remedy for what was measured. What was not is left to its variable.
func (p placement) name(remedy string) string {
	remedy = eachMatch(ownCommand, remedy, p.own)
	remedy = eachMatch(psqlCommand, remedy, func(command string) string {
		place := p.direct
		switch {
		case strings.Contains(command, "DATABASE_URL"):
			place = p.pooler
		case strings.Contains(command, "ADMIN"):
			place = p.console
		}
		if place.word == "" {
			return command
		}
		return place.env + "psql " + place.word
	})
	remedy = eachMatch(redisCommand, remedy, func(command string) string {
		place := p.redis.app
		if strings.Contains(command, "ADMIN") {
			place = p.redis.admin
		}
		return cmp.Or(place, command)
	})
	if p.redis.user != "" {
		remedy = strings.ReplaceAll(remedy, `"$REDIS_USER"`, p.redis.user)
	}
	remedy = eachMatch(kubectlCommand, remedy, func(command string) string {
		if strings.Contains(command, " -n ") {
			return p.kubectl + " -n " + shellWord(p.namespace) + " "
		}
		return p.kubectl + " "
	})
	if p.target != "" {
		remedy = strings.ReplaceAll(remedy, `"$TARGET"`, shellWord(p.target))
	}
	return remedy
}

// own gives a command of honeydue's that writes the variables it goes by.
func (p placement) own(command string) string {
	env := ""
	add := func(variable string, place pgPlace) {
		if place.word != "" {
			env += place.env + variable + "=" + place.word + " "
		}
	}
	if strings.Contains(command, "migrate") {
		add("DATABASE_DIRECT_URL", p.direct)
		return env + command
	}
	add("DATABASE_URL", p.pooler)
	if word, found := strings.CutPrefix(p.redis.app, "-u "); found {
		env += "REDIS_URL=" + word + " "
	}
	return env + command
}

func eachMatch(pattern, text string, replace func(string) string) string {
	return regexp.MustCompile(pattern).ReplaceAllStringFunc(text, replace)
}
