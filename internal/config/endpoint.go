package config

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

func sslModes() []string {
	return []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
}

// resolve completes URL and DirectURL.
func (d *Database) resolve() error {
	main, err := d.mainURL()
	if err != nil {
		return err
	}
	direct, err := d.directURL(main)
	if err != nil {
		return err
	}
	if d.AdminURL != "" {
		admin, err := d.postgresURL("PGBOUNCER_ADMIN_URL", d.AdminURL)
		if err != nil {
			return err
		}
		d.AdminPasswordIn = passwordIn(d.AdminURL)
		d.AdminURL = d.trusted(admin)
	}
	d.URL, d.DirectURL = d.trusted(main), d.trusted(direct)
	return nil
}

// mainURL is the pooler's, nil when none is configured. DATABASE_URL hides the parts.
func (d *Database) mainURL() (*url.URL, error) {
	if d.URL != "" {
		d.PasswordIn = passwordIn(d.URL)
		return d.postgresURL("DATABASE_URL", d.URL)
	}
	d.PasswordIn = "DB_PASSWORD"
	if d.Host == "" {
		return nil, nil
	}
	var problems []error
	for _, part := range []struct{ variable, value, remedy string }{
		{"DB_NAME", d.Name, "Set it to the database's name, or give the whole URL in DATABASE_URL."},
		{"DB_USER", d.User, "Set it to the role to connect as, or give the whole URL in DATABASE_URL."},
	} {
		if part.value == "" {
			problems = append(problems, &Error{part.variable, "is not set, and DB_HOST is", part.remedy})
		}
	}
	if strings.ContainsAny(d.Host, "/@?#, ") {
		problems = append(problems, &Error{"DB_HOST", "is not a host name", "Give the host alone here, or the whole URL in DATABASE_URL."})
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	u := &url.URL{Scheme: "postgres", Host: net.JoinHostPort(d.Host, strconv.Itoa(d.Port)), Path: "/" + d.Name}
	u.User = url.User(d.User)
	if d.Password != "" {
		u.User = url.UserPassword(d.User, d.Password)
	}
	u.RawQuery = url.Values{"sslmode": {d.SSLMode}}.Encode()
	return u, nil
}

// directURL is the direct endpoint's, nil when none is configured: the main URL with the host of DB_DIRECT_HOST.
func (d *Database) directURL(main *url.URL) (*url.URL, error) {
	if d.DirectURL != "" {
		d.DirectPasswordIn = passwordIn(d.DirectURL)
		return d.postgresURL("DATABASE_DIRECT_URL", d.DirectURL)
	}
	if d.DirectHost == "" {
		return nil, nil
	}
	if main == nil {
		return nil, &Error{"DB_DIRECT_HOST", "is set, and neither DATABASE_URL nor DB_HOST is", "Set DATABASE_URL as well, or give the whole direct URL in DATABASE_DIRECT_URL."}
	}
	if strings.ContainsAny(d.DirectHost, "/@?#, ") {
		return nil, &Error{"DB_DIRECT_HOST", "is not a host name", "Give the host alone here, or the whole URL in DATABASE_DIRECT_URL."}
	}
	if d.DirectPasswordIn = d.PasswordIn; d.PasswordIn == "" {
		d.DirectPasswordIn = "DATABASE_URL"
	}
	direct := *main
	direct.Host = d.DirectHost
	if _, _, err := net.SplitHostPort(d.DirectHost); err != nil && main.Port() != "" {
		direct.Host = net.JoinHostPort(strings.Trim(d.DirectHost, "[]"), main.Port())
	}
	return &direct, nil
}

// passwordIn is unknown for what is no URL with its password before the one @ that it has.
func passwordIn(raw string) string {
	authority, _, _ := strings.Cut(raw, "?")
	if !strings.Contains(authority, "://") || strings.Count(raw, "@") != 1 || !strings.Contains(authority, "@") {
		return "unknown"
	}
	return ""
}

// postgresURL reads a URL of the environment. It keeps the notes, but that only the main URL's pool means anything.
func (d *Database) postgresURL(variable, raw string) (*url.URL, error) {
	c, err := readConnString(variable, raw)
	if err != nil {
		return nil, err
	}
	d.Notes = append(d.Notes, c.notes...)
	for _, p := range c.pool {
		if variable != "DATABASE_URL" {
			d.Notes = append(d.Notes, Note{variable, p.key, "the pool is that of DATABASE_URL"})
		}
	}
	return c.url, nil
}

// trusted writes into the URL which certificate authorities to trust, as libpq decides it: what the URL says,
// else PGSSLROOTCERT. SSL_CERT_FILE, which replaces the system's authorities, counts where a certificate is to be
// verified and nothing else was said.
func (d *Database) trusted(u *url.URL) string {
	if u == nil {
		return ""
	}
	query := u.Query()
	mode := query.Get("sslmode")
	switch {
	case query.Get("sslrootcert") != "" || mode == "disable":
		return u.String()
	case d.RootCert != "":
		query.Set("sslrootcert", d.RootCert)
	case d.CertFile != "" && (mode == "verify-ca" || mode == "verify-full"):
		query.Set("sslrootcert", d.CertFile)
	default:
		return u.String()
	}
	out := *u
	out.RawQuery = query.Encode()
	return out.String()
}
