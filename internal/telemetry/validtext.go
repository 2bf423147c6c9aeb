package telemetry

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// validText returns the spans with U+FFFD for every byte that is not UTF-8. A
// User-Agent or a path may hold such bytes, and the encoding of OTLP refuses all
// spans of an export because of one.
func validText(spans []sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	out := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		out[i] = validSpan{s}
	}
	return out
}

// validSpan is a span whose texts are valid UTF-8.
type validSpan struct{ sdktrace.ReadOnlySpan }

func (s validSpan) Name() string { return valid(s.ReadOnlySpan.Name()) }

func (s validSpan) Attributes() []attribute.KeyValue {
	return validAttributes(s.ReadOnlySpan.Attributes())
}

func (s validSpan) Events() []sdktrace.Event {
	events := s.ReadOnlySpan.Events()
	out := make([]sdktrace.Event, len(events))
	for i, e := range events {
		e.Name, e.Attributes = valid(e.Name), validAttributes(e.Attributes)
		out[i] = e
	}
	return out
}

func (s validSpan) Status() sdktrace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = valid(status.Description)
	return status
}

func valid(text string) string { return strings.ToValidUTF8(text, string(utf8.RuneError)) }

// validAttributes copies the list only if it has to be changed: nearly none has.
func validAttributes(list []attribute.KeyValue) []attribute.KeyValue {
	if !slices.ContainsFunc(list, invalid) {
		return list
	}
	list = slices.Clone(list)
	for i, kv := range list {
		list[i].Key = attribute.Key(valid(string(kv.Key)))
		switch kv.Value.Type() {
		case attribute.STRING:
			list[i].Value = attribute.StringValue(valid(kv.Value.AsString()))
		case attribute.STRINGSLICE:
			texts := kv.Value.AsStringSlice()
			for n, text := range texts {
				texts[n] = valid(text)
			}
			list[i].Value = attribute.StringSliceValue(texts)
		}
	}
	return list
}

func invalid(kv attribute.KeyValue) bool {
	texts := []string{string(kv.Key)}
	switch kv.Value.Type() {
	case attribute.STRING:
		texts = append(texts, kv.Value.AsString())
	case attribute.STRINGSLICE:
		texts = append(texts, kv.Value.AsStringSlice()...)
	}
	return slices.ContainsFunc(texts, func(text string) bool { return !utf8.ValidString(text) })
}
