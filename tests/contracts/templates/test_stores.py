"""Our own stores of templates, on every engine."""

from tidings.testing.contracts.template_accounts import TemplateAccountsContract
from tidings.testing.contracts.template_files import TemplateFilesContract
from tidings.testing.contracts.templates import TemplatesContract


class TestTemplates(TemplatesContract):
    pass


class TestTemplateAccounts(TemplateAccountsContract):
    pass


class TestTemplateFiles(TemplateFilesContract):
    pass
