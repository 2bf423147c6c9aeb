package household

import (
	"net/mail"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"  Filter  ":                 "Filter",
		"\t\r\n Filter\u00a0\u3000":  "Filter",
		"\ufeffFilter\u200b":         "Filter",
		" \u2003\u2028 ":             "",
		"Change  the filter":         "Change  the filter",
		"\u05d0\u200f (1)":           "\u05d0\u200f (1)",
		"\U0001f469\u200d\U0001f527": "\U0001f469\u200d\U0001f527", // a mechanic: two pictures and a joiner
		"\u0645\u06cc\u200c\u062e":   "\u0645\u06cc\u200c\u062e",
		"\u0e1a\u200b\u0e49":         "\u0e1a\u200b\u0e49",
		"\u2764\ufe0f":               "\u2764\ufe0f",
		"\u0600":                     "\u0600", // a sign that is drawn, though of the format characters
	} {
		if got, err := Line(in); got != want || err != nil {
			t.Errorf("%+q: %+q, %v; want %+q", in, got, err, want)
		}
	}
}

// invisible are texts that show nothing.
func invisible() []string {
	texts := []string{"\u200b \u200b", " \u2060", "\u00ad\u200d", "\ufe0f"}
	for _, r := range "\u0000\u0007\u001b\u007f\u0080\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u180b\u180e\u200b\u200c\u200d\u200e\u200f" +
		"\u202a\u202b\u202c\u202d\u202e\u2060\u2064\u2066\u2067\u2068\u2069\u206f\u2800\u3164\ufeff\uffa0\ufff9\U0001d159\U000e0001\U000e0020\U000e0100" {
		texts = append(texts, string(r))
	}
	return texts
}

func TestTextThatShowsNothing(t *testing.T) {
	for _, in := range invisible() {
		if got, err := Line(in); err == nil {
			t.Errorf("line %+q: %+q", in, got)
		}
		if got, err := Text(in); err == nil {
			t.Errorf("text %+q: %+q", in, got)
		}
	}
}

func TestRefusedInsideText(t *testing.T) {
	for _, r := range "\u0000\u0008\u001b\u007f\u0080\u009f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" {
		in := "a" + string(r) + "b"
		if got, err := Line(in); err == nil {
			t.Errorf("line %+q: %+q", in, got)
		}
		if got, err := Text(in); err == nil {
			t.Errorf("text %+q: %+q", in, got)
		}
	}
	for _, r := range "\t\n\v\f\r\u0085\u2028\u2029" {
		in := "  a" + string(r) + "b \n"
		if got, err := Line(in); err == nil {
			t.Errorf("line %+q: %+q", in, got)
		}
		if got, err := Text(in); got != in || err != nil {
			t.Errorf("text %+q: %+q, %v", in, got, err)
		}
	}
	if got, err := Text(" \n\t"); got != "" || err != nil {
		t.Errorf("blank: %+q, %v", got, err)
	}
}

func TestBareEmail(t *testing.T) {
	for _, in := range []string{
		"ada@example.com", "Ada.L+due@sub.example.co", "a@localhost", "o'hara@example.com", "j\u00fcrgen@b\u00fccher.example",
		"\u0130@example.com", "a-b@x-y.example", "123@4.example", "\u0928\u092e\u0938\u094d\u0924\u0947@example.com",
	} {
		if got, err := BareEmail(" " + in + "\n"); got != in || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", " ", "not an email", "a", "@", "a@", "@b", "a@b@c", "Bob <bob@example.com>", "<bob@example.com>", "d@example.com (x)", "(x)d@example.com",
		"=?utf-8?q?g?= <g@example.com>", `"a b"@example.com`, `"ab"@example.com`, "a@[192.0.2.1]", "a@[IPv6:::1]", ".a@example.com", "a.@example.com",
		"a..b@example.com", "a@.com", "a@example.com.", "a@-x.com", "a@x-.com", "a@x_y.com", "a b@example.com", "a@exam ple.com", "a@b.c,d@e.f",
		"a\u200b@example.com", "a\u202e@example.com", "a@example\u3002com", "a\uff20example.com", "a\x00@example.com", "a@ex\u00adample.com",
		"mailto:a@example.com", strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b", 64) + ".com", "a\ufffd@example.com", "\u3164@example.com",
	} {
		if got, err := BareEmail(in); err == nil {
			t.Errorf("%+q: %q", in, got)
		}
	}
}

func TestFoldEmail(t *testing.T) {
	for in, want := range map[string]string{
		" Ada@EXAMPLE.com ":   "ada@example.com",
		"\u0130@example.com":  "\u0130@example.com", // neither i nor i and a dot
		"\u0131@example.com":  "\u0131@example.com",
		"\u212a@example.com":  "\u212a@example.com", // the Kelvin sign
		"\u017f@example.com":  "\u017f@example.com", // a long s
		"\u00c4@example.com":  "\u00c4@example.com",
		"Bob <BOB@x.example>": "bob <bob@x.example>", // as an old account may have it
	} {
		if got := FoldEmail(in); got != want {
			t.Errorf("%+q: %+q, want %+q", in, got, want)
		}
	}
}

// FuzzBareEmail: what is accepted is an address to others as well, nothing is
// left to fold twice, and cleaning is done once.
func FuzzBareEmail(f *testing.F) {
	for _, s := range []string{"ada@example.com", "Bob <b@x.y>", "a@b (c)", `"q"@x`, "\u212a@x", "a@[::1]", "a\u200b@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		bare, err := BareEmail(s)
		if err != nil {
			return
		}
		if a, err := mail.ParseAddress(bare); err != nil || a.Address != bare || a.Name != "" {
			t.Errorf("%+q is %+v to net/mail: %v", bare, a, err)
		}
		if again, err := BareEmail(bare); again != bare || err != nil {
			t.Errorf("%+q: %+q, %v", bare, again, err)
		}
		if folded := FoldEmail(bare); FoldEmail(folded) != folded {
			t.Errorf("%+q folds twice", bare)
		}
	})
}

// FuzzLine: a line that was cleaned is clean, and is empty or shows something.
func FuzzLine(f *testing.F) {
	for _, s := range append(invisible(), " a ", "a\nb", "\ufeff a \u200b") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line, err := Line(s)
		if err != nil {
			return
		}
		if again, err := Line(line); again != line || err != nil {
			t.Errorf("%+q: %+q, %v", line, again, err)
		}
		if line != "" && strings.IndexFunc(line, visible) < 0 {
			t.Errorf("%+q shows nothing", line)
		}
	})
}
