module github.com/supervisorscope/scope

go 1.26
