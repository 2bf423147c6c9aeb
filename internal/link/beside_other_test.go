//go:build !linux

package link

import (
	"context"
	"net"
	"time"
)

type realPath struct{}

func openRealPath(time.Duration) (*realPath, error) { return nil, errNoRealPath }

func (*realPath) close() {}

func (*realPath) dial(context.Context, string, string) (*net.TCPConn, error) {
	return nil, errNoRealPath
}

func (*realPath) listen(context.Context, string) (*net.TCPListener, error) {
	return nil, errNoRealPath
}
