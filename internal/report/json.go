package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

type member struct {
	key   string
	value json.RawMessage
}

// writeJSON prints schema, version and commit, then the members of Data in their own order, indented. A member of
// Data with one of those three names wins when it says something.
func writeJSON(w io.Writer, d Document, o Options) error {
	members, err := objectMembers(d.Data)
	if err != nil {
		return err
	}
	head := []struct{ key, value string }{{"schema", d.Schema}, {"version", o.Version}, {"commit", o.Commit}}
	out := make([]member, 0, len(members)+len(head))
	inHead := map[string]bool{}
	for _, h := range head {
		value := h.value
		for _, m := range members {
			var own string
			if m.key == h.key && json.Unmarshal(m.value, &own) == nil && own != "" {
				value = own
			}
		}
		if value == "" {
			continue
		}
		raw, err := encode(value)
		if err != nil {
			return err
		}
		out = append(out, member{h.key, raw})
		inHead[h.key] = true
	}
	for _, m := range members {
		if !inHead[m.key] {
			out = append(out, m)
		}
	}
	return writeMembers(w, out)
}

func writeMembers(w io.Writer, members []member) error {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := encode(m.key)
		if err != nil {
			return err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	var indented bytes.Buffer
	if err := json.Indent(&indented, b.Bytes(), "", "  "); err != nil {
		return err
	}
	indented.WriteByte('\n')
	_, err := w.Write(indented.Bytes())
	return err
}

// objectMembers splits the encoding of v, which must be an object (or nil), into its members in order.
func objectMembers(v any) ([]member, error) {
	if v == nil {
		return nil, nil
	}
	raw, err := encode(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	open, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if open != json.Delim('{') {
		return nil, fmt.Errorf("the data of a report must encode to a JSON object, and %T does not", v)
	}
	var members []member
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, errors.New("a JSON key that is not a string")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		members = append(members, member{key, value})
	}
	return members, nil
}

// encode is json.Marshal without the escapes meant for HTML: plans and remedies are full of < and >.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
