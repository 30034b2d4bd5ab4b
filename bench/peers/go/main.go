// SPDX-License-Identifier: Apache-2.0

// peers ENGINE FOLDER [--from-json] [--rounds N]: decides the requests of a workload by OPA's Go package ("opa") or by Casbin ("casbin"),
// compares every decision with the expected one, times single decisions, and prints one line of JSON as pol-bench does.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/casbin/casbin/v2"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// A peer is an engine with a workload's policy and data in it.
type peer interface {
	prepare(line []byte) (any, error) // the engine's own form of a request
	decide(request any) (any, error)
}

type opa struct {
	query rego.PreparedEvalQuery
}

func newOPA(folder string) (peer, error) {
	query, err := os.ReadFile(filepath.Join(folder, "query.txt"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "data.json"))
	if err != nil {
		return nil, err
	}
	policy, err := os.ReadFile(filepath.Join(folder, "policy.rego"))
	if err != nil {
		return nil, err
	}
	var data map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return nil, err
	}
	prepared, err := rego.New(
		rego.Query(strings.TrimSpace(string(query))),
		rego.Module("policy.rego", string(policy)),
		rego.Store(inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true))),
	).PrepareForEval(context.Background())
	return &opa{prepared}, err
}

func (o *opa) prepare(line []byte) (any, error) {
	var input any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&input); err != nil {
		return nil, err
	}
	return ast.InterfaceToValue(input)
}

func (o *opa) decide(request any) (any, error) {
	results, err := o.query.Eval(context.Background(), rego.EvalParsedInput(request.(ast.Value)))
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[0].Expressions[0].Value, nil
}

type casbinPeer struct {
	enforcer *casbin.Enforcer
}

func newCasbin(folder string) (peer, error) {
	enforcer, err := casbin.NewEnforcer(filepath.Join(folder, "casbin-model.conf"), filepath.Join(folder, "casbin-policy.csv"))
	return &casbinPeer{enforcer}, err
}

type casbinRequest struct{ user, object, action string }

func (c *casbinPeer) prepare(line []byte) (any, error) {
	var request struct {
		User, Action string
		Resource     struct{ Type string }
	}
	err := json.Unmarshal(line, &request)
	return casbinRequest{request.User, request.Resource.Type, request.Action}, err
}

func (c *casbinPeer) decide(request any) (any, error) {
	r := request.(casbinRequest)
	return c.enforcer.Enforce(r.user, r.object, r.action)
}

func lines(folder, name string) ([][]byte, error) {
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var out [][]byte
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		out = append(out, bytes.Clone(scanner.Bytes()))
	}
	return out, scanner.Err()
}

// same compares as JSON; an array of what is expected may stand for a set, so arrays compare in any order.
func same(wanted, got any) bool {
	text, err := json.Marshal(got)
	if err != nil {
		return false
	}
	var g any
	if json.Unmarshal(text, &g) != nil {
		return false
	}
	return reflect.DeepEqual(sorted(wanted), sorted(g))
}

func sorted(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			text, _ := json.Marshal(sorted(e))
			out = append(out, string(text))
		}
		slices.Sort(out)
		return out
	case map[string]any:
		for k, e := range v {
			v[k] = sorted(e)
		}
	}
	return v
}

type setting struct {
	engine, folder string
	fromJSON       bool
	rounds         int
}

func decide(p peer, s setting, line []byte, ready any) (any, error) {
	if s.fromJSON {
		var err error
		if ready, err = p.prepare(line); err != nil {
			return nil, err
		}
	}
	return p.decide(ready)
}

func check(p peer, s setting, requests [][]byte, ready []any) (int, error) {
	expected, err := lines(s.folder, "expected.ndjson")
	if err != nil {
		return 0, err
	}
	if len(expected) < len(requests) {
		return 0, fmt.Errorf("expected.ndjson has %d lines, not %d", len(expected), len(requests))
	}
	mismatches := 0
	for i, line := range requests {
		got, err := decide(p, s, line, ready[i])
		if err != nil {
			return 0, err
		}
		var wanted any
		if err := json.Unmarshal(expected[i], &wanted); err != nil {
			return 0, err
		}
		if !same(wanted, got) {
			mismatches++
		}
	}
	return mismatches, nil
}

func run(s setting) (int, error) {
	load := map[string]func(string) (peer, error){"opa": newOPA, "casbin": newCasbin}[s.engine]
	if load == nil {
		return 0, fmt.Errorf("the engine is opa or casbin")
	}
	from := time.Now()
	p, err := load(s.folder)
	if err != nil {
		return 0, err
	}
	loadMS := float64(time.Since(from).Nanoseconds()) / 1e6
	requests, err := lines(s.folder, "requests.ndjson")
	if err != nil {
		return 0, err
	}
	ready := make([]any, len(requests))
	for i, line := range requests {
		if ready[i], err = p.prepare(line); err != nil {
			return 0, err
		}
	}
	mismatches, err := check(p, s, requests, ready)
	if err != nil {
		return 0, err
	}
	times := make([]int64, 0, len(requests)*s.rounds)
	for range s.rounds {
		for i, line := range requests {
			from := time.Now()
			if _, err := decide(p, s, line, ready[i]); err != nil {
				return 0, err
			}
			times = append(times, time.Since(from).Nanoseconds())
		}
	}
	slices.Sort(times)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	fmt.Printf("{\"engine\": %q, \"n\": %d, \"ns_per_decision_median\": %d, \"p99_ns\": %d, \"load_ms\": %.2f, \"peak_rss_kb\": %d, \"mismatches\": %d}\n",
		s.engine, len(requests), times[len(times)/2], times[len(times)*99/100], loadMS, usage.Maxrss, mismatches)
	return mismatches, nil
}

func main() {
	runtime.GOMAXPROCS(1)
	var s setting
	flag.BoolVar(&s.fromJSON, "from-json", false, "parse the request inside the timed region")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds over all requests")
	if len(os.Args) > 3 {
		s.engine, s.folder = os.Args[1], os.Args[2]
		flag.CommandLine.Parse(os.Args[3:])
	} else if len(os.Args) == 3 {
		s.engine, s.folder = os.Args[1], os.Args[2]
	}
	if s.folder == "" || s.rounds < 1 {
		fmt.Fprintln(os.Stderr, "usage: peers opa|casbin FOLDER [--from-json] [--rounds N]")
		os.Exit(2)
	}
	mismatches, err := run(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
	}
	if err != nil || mismatches > 0 {
		os.Exit(1)
	}
}
