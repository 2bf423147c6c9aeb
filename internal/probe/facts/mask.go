package facts

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expr is a SQL expression out of a plan with every literal replaced by "?". Parameters ($1), names and
// operators stay. A raw expression cannot be held by it: UnmarshalJSON masks.
type Expr string

// UnmarshalJSON reads a JSON string and keeps it masked.
func (e *Expr) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*e = Expr(MaskExpr(s))
	return nil
}

// MaskExpr replaces string literals, numbers and anything inside quotes that do not close. Names in
// double quotes are kept only if they hold nothing but name characters, because Postgres prints them for
// identifiers alone and a value must not hide in one.
func MaskExpr(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\'':
			backslash := i > 0 && (s[i-1] == 'E' || s[i-1] == 'e') && (i < 2 || !isNameByte(s[i-2]))
			out.WriteByte('?')
			i = endOfString(s, i, backslash)
		case c == '"':
			end := endOfString(s, i, false)
			if name := s[i:end]; isPlainName(strings.Trim(name, `"`)) {
				out.WriteString(name)
			} else {
				out.WriteString(`"?"`)
			}
			i = end
		case c == '$' && i+1 < len(s) && IsDigit(s[i+1]):
			end := i + 1
			for end < len(s) && IsDigit(s[end]) {
				end++
			}
			out.WriteString(s[i:end])
			i = end
		case c == '$':
			// A dollar-quoted string: Postgres never prints one, so nothing after it can be trusted.
			out.WriteByte('?')
			return out.String()
		case IsDigit(c) || c == '.' && i+1 < len(s) && IsDigit(s[i+1]):
			out.WriteByte('?')
			i = endOfNumber(s, i)
		case isNameStart(c):
			end := i
			for end < len(s) && isNameByte(s[end]) {
				end++
			}
			out.WriteString(s[i:end])
			i = end
		default:
			_, size := utf8.DecodeRuneInString(s[i:])
			out.WriteString(s[i : i+size])
			i += size
		}
	}
	return out.String()
}

// endOfString returns the index after the quoted run that opens at i; a doubled quote belongs to it, and
// with backslash set so does an escaped one. A run that does not close reaches the end.
func endOfString(s string, i int, backslash bool) int {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

func endOfNumber(s string, i int) int {
	for i < len(s) && (isNameByte(s[i]) || s[i] == '.' ||
		(s[i] == '+' || s[i] == '-') && (s[i-1] == 'e' || s[i-1] == 'E')) {
		i++
	}
	return i
}

// MaskMessage makes a server's message fit to be shown: what stands in quotes and every number goes,
// because both may be values.
func MaskMessage(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\'' || c == '`':
			out.WriteString("…")
			i = endOfString(s, i, false)
		case IsDigit(c):
			out.WriteByte('?')
			for i < len(s) && IsDigit(s[i]) {
				i++
			}
		default:
			out.WriteByte(c)
			i++
		}
	}
	return strings.ToValidUTF8(out.String(), "")
}

// IsDigit reports whether c is one of 0 to 9.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isNameByte(c byte) bool { return isNameStart(c) || IsDigit(c) }

func isPlainName(s string) bool {
	for _, r := range s {
		if r != '_' && !unicode.IsLetter(r) {
			return false
		}
	}
	return s != ""
}
