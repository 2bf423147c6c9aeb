package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

const (
	emptiedUsers = 500
	emptiedTasks = 60
	// awayFor is how long the returning users were away, as Redis' expiries have it.
	awayFor = 15 * time.Hour
)

// BenchmarkEmptied measures how soon the lists of the users who were served last are warm again when Redis has lost them, by
// a flush and by a restart: two servers on one Redis, each behind a link of 110 ms. Nobody asks meanwhile. It also
// measures the first reads of users who come back after hours, through a server that has just started.
//
//	make bench-emptied
func BenchmarkEmptied(b *testing.B) {
	if b.N != 1 {
		b.Fatal("this benchmark has its own rounds: run it with -benchtime 1x, as make bench-emptied does")
	}
	var report strings.Builder
	fmt.Fprintf(&report, "\ntwo servers, %s, GOMAXPROCS %d, one machine for all of it; R = %s; %d users of %d tasks, four lists each\n",
		runtime.Version(), runtime.GOMAXPROCS(0), targetRTT, emptiedUsers, emptiedTasks)
	w := tabwriter.NewWriter(&report, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Redis\tfirst list after\t90 % after\tall after\tDB turns, sweeps included\tlists then read\twithout a turn\tp50 ms\tp99 ms\t")
	for _, c := range []struct {
		name string
		lose func(lab.Env, *redis.Client)
	}{
		{"flush", func(_ lab.Env, rdb *redis.Client) { check(b, rdb.FlushDB(b.Context()).Err()) }},
		{"restart", func(lab.Env, *redis.Client) {
			check(b, labtest.Lab(b).StopRedis(b.Context()))
			check(b, labtest.Lab(b).StartRedis(b.Context()))
		}},
	} {
		env, tokens := emptiedSeed(b)
		rdb := redisAt(b, env)
		pods := []targetPod{startPod(b, env, link.Model{RTT: targetRTT}), startPod(b, env, link.Model{RTT: targetRTT})}
		readAll(b, pods, tokens)
		turns := func() int64 { return pods[0].database.Counts().Turns + pods[1].database.Counts().Turns }
		before := turns()
		began := time.Now()
		c.lose(env, rdb)
		first, most, all := watchLists(b, rdb, began, len(tokens)*len(cache.Lists()))
		spent := turns() - before
		got := readAll(b, pods[:1], tokens)
		fmt.Fprintf(w, "%s\t%.1f s\t%.1f s\t%.1f s\t%d\t%s\n", c.name, first.Seconds(), most.Seconds(), all.Seconds(), spent, summary(got))
		if c.name == "flush" {
			age(b, rdb, awayFor)
			fresh := startPod(b, env, link.Model{RTT: targetRTT})
			got := readAll(b, []targetPod{fresh}, tokens)
			defer func() {
				fmt.Fprintf(w, "%s later, a fresh server\t\t\t\t\t%s\n", awayFor, summary(got))
				check(b, w.Flush())
				b.Log(report.String())
			}()
		}
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func emptiedSeed(b *testing.B) (lab.Env, []string) {
	b.Helper()
	env := labtest.Database(b, store.Migrate)
	var printed bytes.Buffer
	_, err := store.Seed(b.Context(), env.DirectURL, store.SeedOptions{
		Users: emptiedUsers, ResidencesPerUser: 1, TasksPerResidence: emptiedTasks, CompletionsPerTask: 1, Seed: 7, TokensOut: &printed,
	})
	check(b, err)
	var tokens []string
	for _, line := range strings.Split(strings.TrimSpace(printed.String()), "\n") {
		_, token, _ := strings.Cut(line, " ")
		tokens = append(tokens, token)
	}
	return env, tokens
}

func redisAt(b *testing.B, env lab.Env) *redis.Client {
	b.Helper()
	opts, err := redis.ParseURL(env.RedisURL)
	check(b, err)
	rdb := redis.NewClient(opts)
	b.Cleanup(func() { rdb.Close() })
	return rdb
}

// readAll reads each list of each user through each of the pods, and returns what the reads took.
func readAll(b *testing.B, pods []targetPod, tokens []string) []reply {
	b.Helper()
	var mu sync.Mutex
	var got []reply
	next := make(chan string)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for token := range next {
				for _, l := range cache.Lists() {
					for _, p := range pods {
						r := p.do(b, http.MethodGet, "/api/"+string(l)+"/", token, "")
						mu.Lock()
						got = append(got, r)
						mu.Unlock()
					}
				}
			}
		})
	}
	for _, token := range tokens {
		next <- token
	}
	close(next)
	readers.Wait()
	return got
}

func summary(got []reply) string {
	took, free := make([]time.Duration, len(got)), 0
	for i, g := range got {
		took[i] = g.took
		if g.said == 0 {
			free++
		}
	}
	slices.Sort(took)
	return fmt.Sprintf("%d\t%.1f %%\t%s\t%s\t", len(got), 100*float64(free)/float64(len(got)), ms(took[(len(took)+1)/2-1]), ms(took[(99*len(took)+99)/100-1]))
}

// watchLists waits until that many lists are in Redis, and says when the first, nine in ten and all of them were.
func watchLists(b *testing.B, rdb *redis.Client, began time.Time, want int) (first, most, all time.Duration) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	for all == 0 {
		keys, err := rdb.Keys(ctx, "list:*").Result()
		if ctx.Err() != nil {
			b.Fatalf("%d of %d lists are filled: %v, %v", len(keys), want, err, ctx.Err())
		}
		if err != nil {
			continue // it restarts
		}
		is := time.Since(began)
		if first == 0 && len(keys) > 0 {
			first = is
		}
		if most == 0 && 10*len(keys) >= 9*want {
			most = is
		}
		if len(keys) >= want {
			all = is
		}
		time.Sleep(10 * time.Millisecond)
	}
	return first, most, all
}

// age lets Redis' expiries come nearer by so much.
func age(b *testing.B, rdb *redis.Client, by time.Duration) {
	b.Helper()
	for _, key := range rdb.Keys(b.Context(), "*").Val() {
		switch left := rdb.PTTL(b.Context(), key).Val(); {
		case left < 0 || strings.HasPrefix(key, "done:"):
		case left <= by:
			rdb.Del(b.Context(), key)
		default:
			rdb.PExpire(b.Context(), key, left-by)
		}
	}
}
