"""Who there is: organisations, their users and API keys, installers, site owners; sign-up, login and everything mailed for it."""
