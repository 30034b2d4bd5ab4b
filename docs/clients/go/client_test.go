// SPDX-License-Identifier: Apache-2.0

package polward

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
)

// POLD_SOCKET is that of a pold whose policy permits alice everything, and whoever asks for /open.
func dial(t *testing.T) *Client {
	path := os.Getenv("POLD_SOCKET")
	if path == "" {
		t.Skip("POLD_SOCKET is not set")
	}
	c, err := Dial(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func asking(who string) Evaluation {
	return Evaluation{Subject: &Entity{Type: "user", ID: who}, Action: &Action{Name: "read"}, Resource: &Entity{Type: "record", ID: "1"}}
}

func TestManyAtOnce(t *testing.T) {
	c := dial(t)
	var all sync.WaitGroup
	for i := 0; i < 500; i++ {
		all.Add(1)
		go func(alice bool) {
			defer all.Done()
			who := "bob"
			if alice {
				who = "alice"
			}
			d, err := c.Evaluate(context.Background(), asking(who))
			if err != nil || d.Allow != alice {
				t.Errorf("%s: %v %v", who, d, err)
			}
		}(i%3 == 0)
	}
	all.Wait()
}

func TestBatch(t *testing.T) {
	c := dial(t)
	got, err := c.EvaluateAll(context.Background(), asking("alice"), []Evaluation{{}, {Subject: &Entity{Type: "user", ID: "bob"}}})
	if err != nil || len(got) != 2 || !got[0].Allow || got[1].Allow {
		t.Fatal(got, err)
	}
}

func TestRefusal(t *testing.T) {
	var refused *StatusError
	if d, err := dial(t).Evaluate(context.Background(), Evaluation{}); !errors.As(err, &refused) || refused.Status != 400 || d.Allow {
		t.Fatal(d, err)
	}
}

func TestClosed(t *testing.T) {
	c := dial(t)
	c.Close()
	if d, err := c.Evaluate(context.Background(), asking("alice")); err == nil || d.Allow {
		t.Fatal(d, err)
	}
}

func TestMiddleware(t *testing.T) {
	c := dial(t)
	h := c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }))
	for path, wanted := range map[string]int{"/open": 204, "/shut": 403} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != wanted {
			t.Errorf("%s: %d, wanted %d", path, w.Code, wanted)
		}
	}
	c.Close()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/open", nil))
	if w.Code != 503 {
		t.Errorf("without a decision: %d", w.Code)
	}
}
