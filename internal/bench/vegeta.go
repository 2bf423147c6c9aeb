package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	// maxTargetsFile bounds what is read of a file of targets.
	maxTargetsFile = 256 << 20
	// maxTargetRoutes is how many routes the targets of a file are told apart by.
	maxTargetRoutes = 50
)

// Targets are requests as vegeta's files of targets have them, all to one server.
type Targets struct {
	Base  *url.URL // without a path
	shots []Shot
}

// separated drops the comments of the http format and puts an empty line before
// each request: vegeta takes a request that follows a comment or a header for a
// header of the request before it, and so loses it.
func separated(text []byte) []byte {
	request := regexp.MustCompile(`^[A-Z]+ +https?://`)
	var out []byte
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			continue
		}
		if request.Match(line) {
			out = append(out, '\n')
		}
		out = append(out, line...)
	}
	return out
}

// ReadTargets reads a file in one of vegeta's formats, http or json, whichever it is.
// Its errors quote nothing of the file, which may hold passwords.
func ReadTargets(r io.Reader, expect Statuses) (Targets, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxTargetsFile+1))
	if err != nil {
		return Targets{}, err
	}
	if len(text) > maxTargetsFile {
		return Targets{}, fmt.Errorf("it is larger than %d MiB", maxTargetsFile>>20)
	}
	text = append(text, '\n') // vegeta drops a last line of JSON that does not end
	var read vegeta.Targeter
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		read = vegeta.NewJSONTargeter(bytes.NewReader(text), nil, nil)
	} else {
		read = vegeta.NewHTTPTargeter(bytes.NewReader(separated(text)), nil, nil)
	}
	var out Targets
	for {
		var t vegeta.Target
		switch err := read(&t); {
		case errors.Is(err, vegeta.ErrNoTargets):
			return out.withRoutes()
		case err != nil:
			return Targets{}, fmt.Errorf("target %d is in none of vegeta's formats", len(out.shots)+1)
		}
		if err := out.add(t, expect); err != nil {
			return Targets{}, fmt.Errorf("target %d: %w", len(out.shots)+1, err)
		}
	}
}

// add takes in one target. Its URL is taken apart by hand: the request target has to stay as it is.
func (ts *Targets) add(t vegeta.Target, expect Statuses) error {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("its URL has to name scheme and host, and no user")
	}
	rest := t.URL[len(u.Scheme)+len("://"):]
	path := rest[min(len(u.Host), len(rest)):]
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	base, err := ParseTarget(u.Scheme + "://" + u.Host)
	if err != nil {
		return err
	}
	if err := CheckPath(path); err != nil {
		return err
	}
	if ts.Base == nil {
		ts.Base = base
	}
	if *ts.Base != *base {
		return errors.New("it names another server than the ones before; give each server a file of its own")
	}
	header := t.Header
	if header == nil {
		header = http.Header{}
	}
	ts.shots = append(ts.shots, Shot{Path: path, Method: t.Method, Body: string(t.Body), Header: header, Expect: expect})
	return nil
}

// withRoutes names the routes: each path without its query, or, where there are too
// many of them, each method.
func (ts Targets) withRoutes() (Targets, error) {
	if len(ts.shots) == 0 {
		return Targets{}, errors.New("it has no targets")
	}
	routes := make(map[string]bool)
	for i := range ts.shots {
		s := &ts.shots[i]
		path, _, _ := bytes.Cut([]byte(s.Path), []byte("?"))
		s.Route = s.Method + " " + string(path)
		routes[s.Route] = true
	}
	for i := range ts.shots {
		if len(routes) > maxTargetRoutes {
			ts.shots[i].Route = ts.shots[i].Method
		}
	}
	return ts, nil
}

// Plan makes the targets, one after the other and again, the requests of a plan's
// only phase.
func (ts Targets) Plan(p Plan) Plan {
	phase := p.Phases[0]
	phase.Shots = func(seq uint64) Shot { return ts.shots[seq%uint64(len(ts.shots))] }
	p.Phases = []PhasePlan{phase}
	return p
}

// Recorder writes each request of a run as vegeta's commands read it. The time of
// a result is the moment at which its request was due, so that its latency is the
// one that the run is judged by. Nothing is kept.
type Recorder struct {
	mu     sync.Mutex
	out    *bufio.Writer
	encode vegeta.Encoder
	err    error
}

// NewRecorder makes a Recorder. Close it to write what it holds back.
func NewRecorder(w io.Writer) *Recorder {
	out := bufio.NewWriterSize(w, 64<<10)
	return &Recorder{out: out, encode: vegeta.NewEncoder(out)}
}

// Close writes what is left, and returns the first error that there was.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.err, r.out.Flush())
}

// record writes one request, number seq of its phase. A nil Recorder writes nothing.
func (r *Recorder) record(phase string, seq uint64, due time.Time, base *url.URL, s Sample) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	r.err = r.encode(&vegeta.Result{
		Attack: phase, Seq: seq, Code: uint16(s.Reply.Status), //nolint:gosec // three digits
		Timestamp: due, Latency: s.Latency, Error: string(s.Kind),
		BytesIn: uint64(s.Reply.Bytes), BytesOut: uint64(len(s.Shot.Body)), //nolint:gosec // never negative
		Method: or(s.Shot.Method, http.MethodGet), URL: base.Scheme + "://" + base.Host + requestURL(base, s.Shot.Path).RequestURI(),
	})
}
