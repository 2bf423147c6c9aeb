package household

import (
	"errors"
	"strings"
	"unicode"
)

// What is wrong with a text that a person typed. None repeats the text.
var (
	errInvisible = errors.New("must contain a visible character")
	errControl   = errors.New("must not contain control characters")
	errLines     = errors.New("must be a single line")
	errDirection = errors.New("must not contain characters that override the direction of text (U+202A to U+202E and U+2066 to U+2069)")
	errEmail     = errors.New("must be a bare e-mail address such as ada@example.com, without a display name, comment or quotes")
)

// Line cleans a text of one line, such as a name, a title or a street. White
// space around it is removed, and so are the zero-width spaces that come along
// when people copy text. A blank text becomes empty; whether that is allowed
// is for the caller to say.
//
// It refuses a text without a visible character, line breaks and other control
// characters, and the characters that embed, override or isolate a direction:
// they make a title look like another one. Marks and joiners (U+200C to
// U+200F) inside a text stay, because Arabic, Hebrew, Indic scripts and emoji
// need them.
func Line(s string) (string, error) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if err := legible(s); err != nil {
		return "", err
	}
	for _, r := range s {
		switch {
		case lineBreak(r):
			return "", errLines
		case unicode.IsControl(r):
			return "", errControl
		}
	}
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\u200b' || r == '\u2060' || r == '\ufeff'
	}), nil
}

// Text cleans a text of several lines, such as notes. It is Line, except that
// line breaks, tabs and the white space around the text stay. A blank text
// becomes empty.
func Text(s string) (string, error) {
	if strings.TrimFunc(s, unicode.IsSpace) == "" {
		return "", nil
	}
	if err := legible(s); err != nil {
		return "", err
	}
	for _, r := range s {
		if unicode.IsControl(r) && r != '\t' && !lineBreak(r) {
			return "", errControl
		}
	}
	return s, nil
}

// legible refuses what is wrong in a text of any form.
func legible(s string) error {
	if s != "" && strings.IndexFunc(s, visible) < 0 {
		return errInvisible
	}
	for _, r := range s {
		if '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' {
			return errDirection
		}
	}
	return nil
}

func lineBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// visible reports whether a character leaves ink. Braille's blank pattern and
// the null note head are symbols to Unicode, and empty to the eye.
func visible(r rune) bool {
	switch {
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return true // number signs of Arabic and the like: format characters with a glyph
	case unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2800', r == '\U0001d159':
		return false
	}
	return !unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// BareEmail checks that s is an e-mail address and nothing else: no display
// name, no comment, no encoded word, no quoted local part, no address literal.
// White space around it is removed; case is kept, for addresses that are only
// shown. Letters, digits and marks of every script are allowed.
func BareEmail(s string) (string, error) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	local, domain, _ := strings.Cut(s, "@")
	if len(local) > 64 || len(domain) > 253 {
		return "", errEmail
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !letter(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) }) {
			return "", errEmail
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return !letter(r) && r != '-' }) {
			return "", errEmail
		}
	}
	return s, nil
}

func letter(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.M) && visible(r) && r != unicode.ReplacementChar
}

// FoldEmail makes addresses comparable: two are the same account exactly if
// they fold to the same text. Every account is stored and looked up by it.
//
// Only A to Z are folded, before the @ as well: no provider of note
// distinguishes Ada@ from ada@, and people type both. Other letters stay as
// they are. Unicode's folding takes the Kelvin sign for k, and lower and upper
// case of İ and ı depend on the locale; then one person could register or open
// an account that another one's mail provider considers a different address.
func FoldEmail(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, strings.TrimFunc(s, unicode.IsSpace))
}
