package bench

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// targets serves HTTP by hand: it answers each request and passes on what stood
// in its first line, which no library has touched.
func targets(t *testing.T) (base string, asked <-chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewReader(conn); ; {
					req, err := in.ReadString('\n')
					if err != nil {
						return
					}
					for line := req; line != "\r\n"; {
						if line, err = in.ReadString('\n'); err != nil {
							return
						}
					}
					lines <- strings.TrimSuffix(req, " HTTP/1.1\r\n")
					if _, err := conn.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n")); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), lines
}

// What is asked for is what is sent, byte for byte, and by every kind of request.
func TestRequestTargetsAreSentAsGiven(t *testing.T) {
	server, asked := targets(t)
	for _, tc := range []struct{ base, path, want string }{
		{"", "/files/a%2Fb%20c", "/files/a%2Fb%20c"},
		{"/a%2Fb", "/files/a%2Fb%20c", "/a%2Fb/files/a%2Fb%20c"},
		{"/a%2fb/", "/x", "/a%2fb/x"},
		{"/v2", "/", "/v2/"},
		{"", "/?", "/?"},
		{"", "/%41?q=%41+b&c=<>\"{}|", "/%41?q=%41+b&c=<>\"{}|"},
		{"", "/a\"<>[]^`{|}b;c=1,2!*'()@:$&+=", "/a\"<>[]^`{|}b;c=1,2!*'()@:$&+="},
		{"", "/é/%c3%a9", "/é/%c3%a9"},
		{"", "//two//slashes%2F?x=//y", "//two//slashes%2F?x=//y"},
		{"", "/a/../b/./c", "/a/../b/./c"},
		{"", "/%zz", "/%zz"},
	} {
		if err := CheckPath(tc.path); err != nil {
			t.Errorf("%s is refused: %v", tc.path, err)
			continue
		}
		base, err := ParseTarget(server + tc.base)
		if err != nil {
			t.Fatal(err)
		}
		for name, transport := range map[string]http.RoundTripper{"own": nil, "net/http": http.DefaultTransport} {
			h := newHitter(t, HitterConfig{Base: base, Transport: transport})
			if s := h.Once(t.Context(), Shot{Path: tc.path}); s.Failed() {
				t.Errorf("%s: %s", tc.path, s.Kind)
			} else if got := <-asked; got != "GET "+tc.want {
				t.Errorf("%s, base %q, path %q: sent %q", name, tc.base, tc.path, got)
			}
			if err := h.call(t.Context(), http.MethodDelete, tc.path, Token{}, nil, nil); err != nil {
				t.Errorf("call of %s: %v", tc.path, err)
			} else if got := <-asked; got != "DELETE "+tc.want {
				t.Errorf("%s, call, base %q, path %q: sent %q", name, tc.base, tc.path, got)
			}
		}
	}
}

func TestPathsThatCannotBeSentAreRefused(t *testing.T) {
	for _, path := range []string{"", "x", "/a b", "/a\tb", "/a#b", "/#", "/a\r\nHost: x", "/a\x7f", "/a?b c", "//\"x"} {
		if CheckPath(path) == nil {
			t.Errorf("%q is not refused", path)
		}
		if goodPath(path) {
			t.Errorf("%q is not refused in a scenario", path)
		}
	}
	for _, base := range []string{"http://127.0.0.1/a b", "http://127.0.0.1/#", "http://127.0.0.1/a#b", "http://127.0.0.1/?", "http://127.0.0.1/?a"} {
		if _, err := ParseTarget(base); err == nil {
			t.Errorf("%q is not refused", base)
		}
	}
	if u, err := url.Parse("http://127.0.0.1"); err != nil || requestURL(u, "/x").RequestURI() != "/x" {
		t.Error("a base without a path has none")
	}
}
