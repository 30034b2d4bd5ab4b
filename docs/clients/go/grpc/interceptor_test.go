// SPDX-License-Identifier: Apache-2.0

package grpc

import (
	"context"
	"net"
	"os"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	polward "polward.dev/client"
)

// POLD_SOCKET is that of a pold whose policy permits what comes with x-user: alice, by the described request alone.
func serve(t *testing.T) (healthpb.HealthClient, *polward.Client) {
	path := os.Getenv("POLD_SOCKET")
	if path == "" {
		t.Skip("POLD_SOCKET is not set")
	}
	c, err := polward.Dial(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.UnaryInterceptor(Unary(c)), grpc.StreamInterceptor(Stream(c)))
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Stop(); c.Close() })
	return healthpb.NewHealthClient(conn), c
}

func as(user string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "x-user", user)
}

func want(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if got := status.Code(err); got != code {
		t.Fatalf("got %v (%v), wanted %v", got, err, code)
	}
}

func TestUnary(t *testing.T) {
	client, _ := serve(t)
	_, err := client.Check(as("alice"), &healthpb.HealthCheckRequest{})
	want(t, err, codes.OK)
	_, err = client.Check(as("bob"), &healthpb.HealthCheckRequest{})
	want(t, err, codes.PermissionDenied)
	_, err = client.Check(metadata.AppendToOutgoingContext(as("alice"), "authorization", "Bearer a.b.c"), &healthpb.HealthCheckRequest{})
	want(t, err, codes.Unauthenticated)
}

func TestStream(t *testing.T) {
	client, _ := serve(t)
	for user, code := range map[string]codes.Code{"alice": codes.OK, "bob": codes.PermissionDenied} {
		stream, err := client.Watch(as(user), &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		want(t, err, code)
	}
}

func TestNoDecision(t *testing.T) {
	client, c := serve(t)
	c.Close()
	_, err := client.Check(as("alice"), &healthpb.HealthCheckRequest{})
	want(t, err, codes.Unavailable)
}
