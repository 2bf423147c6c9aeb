package redis

import (
	"os"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }
