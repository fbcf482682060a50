@echo off
rem kubectl 1.26 and later runs this to complete "kubectl eck ...".
setlocal
set "program=kubectl-eck"
if exist "%~dp0kubectl-eck.exe" set "program=%~dp0kubectl-eck.exe"
"%program%" __complete %* <nul 2>nul || echo :4
