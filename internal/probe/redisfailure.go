package probe

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
)

// explainRedis is explain for what Redis itself says: its first word is a code. The rest of its sentence
// is not shown, since it may quote an argument.
func explainRedis(ctx context.Context, phase string, err error) *failure {
	f := explain(ctx, phase, err)
	said, ok := errors.AsType[redis.Error](err)
	if f == nil || !ok || f.outOfTime() || f.kind != kindOther && f.kind != kindLogIn {
		return f
	}
	code, _, _ := strings.Cut(said.Error(), " ")
	if code == "" || len(code) > 20 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return f
	}
	f.kind, f.detail = kindServer, code
	switch d := cache.Diagnose(err); d.Kind {
	case cache.FaultPermission, cache.FaultBusy, cache.FaultLoading:
		f.detail = code + ": " + d.String()
	}
	switch {
	case code == "WRONGPASS" || code == "NOAUTH":
		f.kind = kindCredentials
	case strings.HasPrefix(said.Error(), "ERR max number of clients reached"):
		f.kind = kindTooMany
	}
	return f
}
