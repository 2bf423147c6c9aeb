package redis

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// explainRedis is explain for what Redis itself says: its first word is a code. The rest of its sentence
// is not shown, since it may quote an argument.
func explainRedis(ctx context.Context, phase string, err error) *facts.Failure {
	f := dial.Explain(ctx, phase, err)
	said, ok := errors.AsType[redis.Error](err)
	if f == nil || !ok || f.OutOfTime() || f.Kind != facts.KindOther && f.Kind != facts.KindLogIn {
		return f
	}
	code, _, _ := strings.Cut(said.Error(), " ")
	if code == "" || len(code) > 20 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return f
	}
	f.Kind, f.Detail = facts.KindServer, code
	switch d := cache.Diagnose(err); d.Kind {
	case cache.FaultPermission, cache.FaultBusy, cache.FaultLoading:
		f.Detail = code + ": " + d.String()
	}
	switch {
	case code == "WRONGPASS" || code == "NOAUTH":
		f.Kind = facts.KindCredentials
	case strings.HasPrefix(said.Error(), "ERR max number of clients reached"):
		f.Kind = facts.KindTooMany
	}
	return f
}
