package labtest

import "github.com/honeydue/honeydue/internal/lab"

// Env is lab.Env, for tests of the rooms on the lab's own floor, which may not
// import it.
type Env = lab.Env

// Config is lab.Config, for the same.
type Config = lab.Config
