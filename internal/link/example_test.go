package link_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// A client behind a link of 20 ms asks twice, one question after the other. The
// meter on its connection and the link, which counts from outside, agree.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go func() { // it sends each line back
		c, err := server.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for lines := bufio.NewScanner(c); lines.Scan(); {
			fmt.Fprintln(c, lines.Text())
		}
	}()

	proxy, err := link.Listen(ctx, "127.0.0.1:0", server.Addr().String(), link.Model{RTT: 20 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", proxy.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := link.Meter(raw)
	defer conn.Close()

	began, answers := time.Now(), bufio.NewScanner(conn)
	for _, question := range []string{"first", "second"} {
		fmt.Fprintln(conn, question)
		answers.Scan()
		fmt.Println(answers.Text())
	}
	fmt.Println(conn.Turns(), "turns by the meter,", proxy.Counts().Turns, "by the link")
	fmt.Println("at least 40 ms:", time.Since(began) >= 40*time.Millisecond)
	// Output:
	// first
	// second
	// 2 turns by the meter, 2 by the link
	// at least 40 ms: true
}
