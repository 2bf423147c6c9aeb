package api

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// compressors are kept for the next list: each takes 800 KB.
type compressors struct{ sync.Pool }

// render encodes and compresses a list, once: it is kept and sent like that.
// The best compression costs a millisecond more than the default, once for
// each change, and saves every phone that reads it a part of a TCP window.
func (c *compressors) render(v any) ([]byte, error) {
	text, err := marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a list: %w", err)
	}
	var b bytes.Buffer
	b.Grow(len(text) / 4)
	z, _ := c.Get().(*gzip.Writer)
	if z == nil {
		z, _ = gzip.NewWriterLevel(&b, gzip.BestCompression) // fails on an unknown level only
	}
	defer c.Put(z)
	z.Reset(&b)
	if _, err := z.Write(text); err != nil {
		return nil, fmt.Errorf("compress a list: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress a list: %w", err)
	}
	return b.Bytes(), nil
}

// maxList bounds what decompressing may bring.
const maxList = 64 << 20

func decompress(body string) ([]byte, error) {
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decompress a list: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxList+1))
	if err == nil && len(text) > maxList {
		err = fmt.Errorf("it has more than %d bytes", maxList)
	}
	if err != nil {
		return nil, fmt.Errorf("decompress a list: %w", err)
	}
	return text, nil
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): named, or meant by *,
// and not with a weight of 0.
func acceptsGzip(header string) bool {
	star := false
	for part := range strings.SplitSeq(header, ",") {
		coding, parameters, _ := strings.Cut(part, ";")
		q, weighted := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
		wanted := true
		if weighted {
			weight, err := strconv.ParseFloat(q, 64)
			wanted = err == nil && weight > 0
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return wanted
		case "*":
			star = wanted
		}
	}
	return star
}
