// SPDX-License-Identifier: Apache-2.0

// Command opa-batch answers what decide-batch answers, by the Go module of OPA: a program and its questions a line of standard input,
// answers a line of standard output.
//
//	{"modules": {"a.rego": text}, "data": {...}, "paths": ["a/p"], "inputs": [...]}
//	{"results": [{"value": v} or {} or {"error": code}]}, or {"refused": [[code, row, message, file]]}
//
// The results are those of the first path with every input, then those of the second.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"
)

type request struct {
	Modules map[string]string `json:"modules"`
	Data    map[string]any    `json:"data"`
	Paths   []string          `json:"paths"`
	Inputs  []json.RawMessage `json:"inputs"`
}

func refusal(err error) map[string]any {
	list := [][]any{}
	var parsed ast.Errors
	if errors.As(err, &parsed) {
		for _, e := range parsed {
			row, file := 0, ""
			if e.Location != nil {
				row, file = e.Location.Row, e.Location.File
			}
			list = append(list, []any{e.Code, row, e.Message, file})
		}
	} else {
		list = append(list, []any{"other", 0, err.Error(), ""})
	}
	return map[string]any{"refused": list}
}

func ask(ctx context.Context, c *ast.Compiler, data map[string]any, path string, input []byte) map[string]any {
	ref := ast.DefaultRootRef
	for _, part := range strings.Split(path, "/") {
		ref = ref.Append(ast.StringTerm(part))
	}
	term := ast.NewTerm(ref)
	body, err := c.QueryCompiler().Compile(ast.NewBody(ast.Equality.Expr(term, ast.VarTerm("answer"))))
	if err != nil {
		return refusal(err)
	}
	value, err := ast.ValueFromReader(bytes.NewReader(input))
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	store := inmem.NewFromObject(data)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	defer store.Abort(ctx, txn)
	cancel := topdown.NewCancel()
	defer time.AfterFunc(time.Second, cancel.Cancel).Stop()
	results, err := topdown.NewQuery(body).WithCancel(cancel).WithCompiler(c).WithStore(store).WithTransaction(txn).WithInput(ast.NewTerm(value)).Run(ctx)
	if err != nil {
		var failed *topdown.Error
		if errors.As(err, &failed) {
			return map[string]any{"error": failed.Code, "message": failed.Error()}
		}
		return map[string]any{"error": err.Error()}
	}
	for _, bindings := range results {
		shown, err := ast.JSON(bindings[ast.Var("answer")].Value)
		if err != nil {
			return map[string]any{"error": err.Error()}
		}
		return map[string]any{"value": shown}
	}
	return map[string]any{}
}

func answer(ctx context.Context, line []byte) map[string]any {
	var r request
	if err := util.UnmarshalJSON(line, &r); err != nil {
		return map[string]any{"fault": err.Error()}
	}
	modules := map[string]*ast.Module{}
	for name, text := range r.Modules {
		module, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			return refusal(err)
		}
		modules[name] = module
	}
	c := ast.NewCompiler()
	if c.Compile(modules); c.Failed() {
		return refusal(c.Errors)
	}
	if r.Data == nil {
		r.Data = map[string]any{}
	}
	results := []any{}
	for _, path := range r.Paths {
		for _, input := range r.Inputs {
			results = append(results, ask(ctx, c, r.Data, path, input))
		}
	}
	return map[string]any{"results": results}
}

func main() {
	ctx := context.Background()
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 || err != nil {
			return
		}
		if out.Encode(answer(ctx, line)) != nil {
			os.Exit(2)
		}
	}
}
