package cache

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// List names one of the lists of which copies are kept.
type List string

// The lists of which copies are kept. Their first letters differ, and none is a
// u: they name scopes.
const (
	Tasks       List = "tasks"
	Residences  List = "residences"
	Contractors List = "contractors"
	Documents   List = "documents"
)

// Lists names all of them, in the order in which a residence's state holds
// their versions.
func Lists() []List { return []List{Tasks, Residences, Contractors, Documents} }

// listLetters are the first letters of Lists.
const listLetters = "trcd"

// Question is what a request wants to know of Redis.
type Question struct {
	// Token's hash.
	Token []byte
	// List to be served; empty for a request that only has to know who asks.
	List List
	// IfNoneMatch is the request's header.
	IfNoneMatch string
	// Item is what the request is about, if it names no residence: its residence
	// is looked up as a hint.
	Item Item
	// Background: nobody waits for the answer. It is not counted, and keeps no
	// sweep awake.
	Background bool
}

// Item names a thing that lies in a residence, such as task 7.
type Item struct {
	In List // the list that shows it; empty for no item
	ID int64
}

func (i Item) key() string {
	if i.In == "" {
		return ""
	}
	return hintPrefix + i.In.letter() + strconv.FormatInt(i.ID, 10)
}

// Reading is what one visit to Redis told about a request, and what later
// steps of the same request need to fill. It belongs to one request and is not
// safe for concurrent use.
type Reading struct {
	// Revoked: the token was logged out. No need to ask the database.
	Revoked bool
	// UserID is whose token it is; 0 when only the database can tell.
	UserID int64
	// Token says how the token cache did, ListVerdict how the list's did (empty
	// when no list was asked for), Memory how the pod's memory did (empty until
	// User is called), IDs how the residence ids did (empty until the database
	// has told the true ones).
	Token, ListVerdict, Memory, IDs Verdict
	// Why says what made a verdict a bypass, and why a fill was refused.
	Why string
	// NotModified: the client's copy stands.
	NotModified bool
	// Body is the copy, compressed, when ListVerdict is Hit and NotModified is
	// not set: from this pod's memory, or a part of what Redis sent, copied by nobody.
	Body string
	// ETag names the copy.
	ETag string
	// Aged is the list's copy if only its ValidUntil is in the way, and it says how to
	// make another of it; nil otherwise.
	Aged *AgedCopy
	// Stored: the request has filled the list's copy. Collapsed: it has shared
	// another's flight. Remade: the list was made of a copy that had aged.
	Stored, Collapsed, Remade bool
	// ResidenceIDs are those that the user saw lately: a hint, never an authorization.
	ResidenceIDs []int64
	// Residence is a hint where Question.Item lies; 0 for none.
	Residence int64

	question Question
	waited   time.Duration // for Redis so far
	token    fillToken
	version  string // the epoch with the user's version, if they are known
}

// AgedCopy is a copy of which everything stands but its ValidUntil.
type AgedCopy struct {
	Body   string // compressed
	Remake string // of the Answer that filled it
}

// fillToken is what a fill is judged by. Its zero value fills nothing.
type fillToken struct {
	epoch  string
	states map[Scope]string // versions before the database was read
	clocks map[string]string
	// proven: the residence ids that chose the states belong to the user's version.
	proven bool
	// flight is the key of the one that this read may share; empty for none: it
	// does not know for certain which states its list depends on.
	flight string
}

// Read asks Redis once, or a second time if what this pod remembers of the list
// does not stand any more. It never fails: what it cannot learn it reports as
// unknown, and the caller asks the database.
func (c *Cache) Read(ctx context.Context, q Question) *Reading {
	if !q.Background {
		c.touch()
	}
	now := c.cfg.Now()
	listless := q.List != "" && c.cfg.ListTTL < 0
	if listless {
		q.List = "" // lists are not cached; who asks still is
	}
	r := &Reading{question: q}
	if listless {
		defer func() { r.ListVerdict, r.Why = c.counted(r, EntryList, Bypass), "off" }()
	}
	theirs := parseIfNoneMatch(q.IfNoneMatch, now)
	done, err := c.glance(ctx, r, theirs, now)
	if done {
		return r
	}
	if err != nil {
		c.bypass(r, Bypass, c.why(err))
		return r
	}
	var reply []string
	err = c.visitOf(ctx, r, "read", func(ctx context.Context) error {
		var err error
		reply, err = c.scripts.read.Run(ctx, c.rdb, []string{tokenKey(q.Token)},
			nonce(), c.encoded(q.List), theirs.digests(), now.UnixMilli(), q.Item.key(), seconds(c.cfg.ResidenceIDsTTL), seconds(c.cfg.ListTTL)).StringSlice()
		return err
	})
	if err != nil {
		c.bypass(r, Bypass, c.why(err))
		return r
	}
	c.understand(r, reply, theirs)
	return r
}

// encoded is the list's name in keys and digests: with the encoding, so that
// two versions of this program never share a copy.
func (c *Cache) encoded(l List) string {
	if l == "" {
		return ""
	}
	return Encoding + "." + string(l)
}

func (c *Cache) bypass(r *Reading, token Verdict, why string) {
	r.Why = why
	r.Token = c.counted(r, EntryToken, token)
	if r.question.List != "" {
		r.ListVerdict = c.counted(r, EntryList, Bypass)
		c.ended(r, whyBypassed(why))
	}
}

// understand turns the script's reply, documented in lua/read.lua, into a Reading.
func (c *Cache) understand(r *Reading, reply []string, theirs stamps) {
	at := func(i int) string {
		if i < len(reply) {
			return reply[i]
		}
		return ""
	}
	user := func() bool {
		id, err := strconv.ParseInt(at(1), 10, 64)
		if err != nil || id <= 0 {
			c.bypass(r, Bypass, "unreadable")
			return false
		}
		r.UserID, r.version = id, at(2)
		return true
	}
	switch at(0) {
	case "revoked":
		r.Revoked = true
		r.Token = c.counted(r, EntryToken, Hit)
	case "held":
		c.keeper.met(at(2), c.cfg.Now())
		c.bypass(r, Miss, "held")
	case "unleased":
		c.bypass(r, Miss, "no-lease")
	case "unknown":
		if at(2) != "1" {
			c.bypass(r, Miss, "no-lease")
			return
		}
		r.token = fillToken{epoch: at(1), clocks: pairs(reply, 3)}
		c.missed(r, Miss)
	case "known":
		if user() {
			r.Token = c.counted(r, EntryToken, Hit)
			r.ResidenceIDs = parseIDs(at(3))
			r.Residence = parseHint(at(4))
		}
	case "same":
		copied, ok := theirs.of(at(3))
		if !ok {
			c.bypass(r, Bypass, "unreadable")
		} else if user() {
			r.NotModified, r.ETag = true, copied.etag()
			c.hit(r)
			c.renew(r.question, at(3))
		}
	case "hit":
		k, ok := parseCopy(at(3))
		if !ok {
			c.bypass(r, Bypass, "unreadable")
		} else if user() {
			r.Body, r.ETag = k.body, k.etag()
			c.hit(r)
			c.remember(r.question, r.UserID, at(4), k.stamp, k.body)
		}
	case "miss":
		c.understandMiss(r, reply)
	default:
		c.bypass(r, Bypass, "unreadable")
	}
}

func (c *Cache) counted(r *Reading, e Entry, v Verdict) Verdict {
	if r.question.Background {
		return v
	}
	return c.metrics.read(e, v)
}

func (c *Cache) hit(r *Reading) {
	r.Token = c.counted(r, EntryToken, Hit)
	r.ListVerdict = c.counted(r, EntryList, Hit)
	c.ended(r, ListHit)
	r.IDs = c.counted(r, EntryResidenceIDs, Hit)
}

func (c *Cache) missed(r *Reading, token Verdict) {
	r.Token = c.counted(r, EntryToken, token)
	switch {
	case r.question.List == "":
	case r.Aged != nil:
		r.ListVerdict = Miss // unless Load can do without the database, and counts it then
	default:
		r.ListVerdict = c.counted(r, EntryList, Miss)
	}
}

func (c *Cache) understandMiss(r *Reading, reply []string) {
	const fixed = 9
	n := 0
	if len(reply) >= fixed {
		n, _ = strconv.Atoi(reply[fixed-1])
	}
	if n <= 0 || n > (len(reply)-fixed)/2 {
		c.bypass(r, Bypass, "unreadable")
		return
	}
	token := fillToken{epoch: reply[3], states: make(map[Scope]string, n), clocks: pairs(reply, fixed+2*n), proven: reply[5] == "1"}
	for i := fixed; i < fixed+2*n; i += 2 {
		token.states[Scope(reply[i])] = reply[i+1]
	}
	if reply[2] != "1" {
		r.token = token
		c.ended(r, Outcome(reply[7]))
		c.missed(r, Miss)
		return
	}
	id, err := strconv.ParseInt(reply[1], 10, 64)
	if err != nil || id <= 0 {
		c.bypass(r, Bypass, "unreadable")
		return
	}
	r.UserID, r.version = id, reply[3]+token.states[UserScope(id)]
	if token.proven && r.question.List != "" {
		token.flight = string(r.question.List) + ":" + reply[1] + ":" + reply[4]
	}
	r.token = token
	if k, ok := parseCopy(reply[6]); ok && k.remake != "" {
		r.Aged = &AgedCopy{Body: k.body, Remake: k.remake}
	} else {
		c.ended(r, Outcome(reply[7]))
	}
	c.missed(r, Hit)
}

// pairs reads field, value, ... from the i-th on.
func pairs(reply []string, i int) map[string]string {
	m := make(map[string]string, max(0, len(reply)-i)/2)
	for ; i+1 < len(reply); i += 2 {
		m[reply[i]] = reply[i+1]
	}
	return m
}

// User is the reading's user from the memory of this pod: only one that was
// stored under the version that Redis names now.
func (c *Cache) User(r *Reading) (household.User, bool) {
	if r.UserID == 0 || r.version == "" {
		return household.User{}, false
	}
	u, ok := c.users.get(r.UserID, r.version, c.cfg.Now())
	r.Memory = Miss
	if ok {
		r.Memory = Hit
	}
	c.counted(r, EntryUser, r.Memory)
	return u, ok
}

// parseIDs reads a JSON array of whole numbers; nonsense is no ids.
func parseIDs(text string) []int64 {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if text == "" {
		return nil
	}
	var ids []int64
	for part := range strings.SplitSeq(text, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// parseHint reads a residence's id; nonsense is no hint.
func parseHint(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}
