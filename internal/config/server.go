package config

import (
	"path/filepath"
	"strings"
)

// Server says where the server keeps what is neither in the database nor in the cache.
type Server struct {
	// BlobURL is where uploaded documents are kept; "" = a folder beside the process.
	BlobURL string `env:"BLOB_URL" secret:"url"`
}

// ParseServer reads the server's variables.
func ParseServer(e Environ) (Server, error) {
	var s Server
	err := parse(e, &s)
	return s, err
}

// Lab says where the local replica finds the servers' programs, besides PATH and the usual folders.
type Lab struct {
	BinDirs string `env:"HONEYDUE_BIN_DIRS"`
}

// ParseLab reads the lab's variables.
func ParseLab(e Environ) (Lab, error) {
	var l Lab
	err := parse(e, &l)
	return l, err
}

// Dirs are the folders of BinDirs, which are separated as those of PATH are.
func (l Lab) Dirs() []string {
	var dirs []string
	for _, dir := range filepath.SplitList(l.BinDirs) {
		if dir != "" {
			dirs = append(dirs, filepath.Clean(dir))
		}
	}
	return dirs
}

// Loadtest says what a load test has to be careful with.
type Loadtest struct {
	// Production is hosts with commas between them; each is tested only when its name is typed.
	Production string `env:"HONEYDUE_PRODUCTION_HOSTS"`
	// TraceLink is the address of a trace, with {trace_id} in the place of its id.
	TraceLink string `env:"HONEYDUE_TRACE_LINK"`
}

// ParseLoadtest reads the load test's variables.
func ParseLoadtest(e Environ) (Loadtest, error) {
	var l Loadtest
	err := parse(e, &l)
	return l, err
}

// ProductionHosts are the hosts of Production.
func (l Loadtest) ProductionHosts() []string {
	var hosts []string
	for host := range strings.SplitSeq(l.Production, ",") {
		if host = strings.TrimSpace(host); host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
