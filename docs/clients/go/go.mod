module polward.dev/client

go 1.21
